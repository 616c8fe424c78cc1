# The component `library`: what a program needs to run. The component `client`: what it needs to be
# built: headers, and what finds them: find_package(mosquitto_kv) with the target
# mosquitto_kv::client, and `pkg-config mosquitto_kv`.
include(CMakePackageConfigHelpers)

set(KV_CMAKE_DIR "${CMAKE_INSTALL_LIBDIR}/cmake/mosquitto_kv")

install(TARGETS mosquitto_kv_client EXPORT mosquitto_kv
  LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT library NAMELINK_COMPONENT client)
install(DIRECTORY include/mosquitto_kv
  DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" COMPONENT client FILES_MATCHING PATTERN "*.h")
# Of the vocabulary what those include.
foreach(header api bucket_config bucket_info clock entry error result)
  install(FILES "${PROJECT_SOURCE_DIR}/kv/${header}.h"
    DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/mosquitto_kv/kv" COMPONENT client)
endforeach()

install(EXPORT mosquitto_kv
  FILE mosquitto_kvTargets.cmake NAMESPACE mosquitto_kv::
  DESTINATION "${KV_CMAKE_DIR}" COMPONENT client)
configure_package_config_file(mosquitto_kvConfig.cmake.in
  "${CMAKE_CURRENT_BINARY_DIR}/mosquitto_kvConfig.cmake" INSTALL_DESTINATION "${KV_CMAKE_DIR}")
# As the library's SOVERSION: another minor version may have another interface.
write_basic_package_version_file("${CMAKE_CURRENT_BINARY_DIR}/mosquitto_kvConfigVersion.cmake"
  COMPATIBILITY SameMinorVersion)
install(FILES
  "${CMAKE_CURRENT_BINARY_DIR}/mosquitto_kvConfig.cmake"
  "${CMAKE_CURRENT_BINARY_DIR}/mosquitto_kvConfigVersion.cmake"
  DESTINATION "${KV_CMAKE_DIR}" COMPONENT client)

file(RELATIVE_PATH KV_PREFIX_FROM_PC "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
configure_file(mosquitto_kv.pc.in "${CMAKE_CURRENT_BINARY_DIR}/mosquitto_kv.pc" @ONLY)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/mosquitto_kv.pc"
  DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig" COMPONENT client)
