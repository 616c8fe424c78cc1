# Where `cmake --install` and the packages put things: GNUInstallDirs, with Debian's multiarch
# library directory whatever the prefix is (GNUInstallDirs has it for /usr alone).
include(GNUInstallDirs)
if(CMAKE_LIBRARY_ARCHITECTURE AND CMAKE_INSTALL_LIBDIR STREQUAL "lib")
  set(CMAKE_INSTALL_LIBDIR "lib/${CMAKE_LIBRARY_ARCHITECTURE}" CACHE PATH "Libraries" FORCE)
endif()
