# Where `cmake --install` and the packages put things: GNUInstallDirs, with Debian's multiarch
# library directory whatever the prefix is (GNUInstallDirs has it for /usr alone).
if(CMAKE_LIBRARY_ARCHITECTURE)
  set(CMAKE_INSTALL_LIBDIR "lib/${CMAKE_LIBRARY_ARCHITECTURE}" CACHE PATH "Libraries")
endif()
include(GNUInstallDirs)
