# Run by cpack on what is installed for a package: Debian's policy wants man pages and changelogs
# compressed, and without a time stamp inside.
find_program(GZIP gzip REQUIRED)
set(root "${CPACK_TEMPORARY_INSTALL_DIRECTORY}")
file(GLOB_RECURSE files LIST_DIRECTORIES false "${root}/*")
list(FILTER files INCLUDE REGEX "/share/(man/man[1-9]/[^/]*\\.[1-9]|doc/[^/]*/changelog[^/]*)$")
foreach(file IN LISTS files)
  execute_process(COMMAND "${GZIP}" -9nf "${file}" COMMAND_ERROR_IS_FATAL ANY)
endforeach()
