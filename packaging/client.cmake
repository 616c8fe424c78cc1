# libmosquittokv0.1, the C++ client's shared library (component `library`), and libmosquittokv-dev,
# what a program that uses it is built with (component `client`).
get_target_property(KV_SOVERSION mosquitto_kv_client SOVERSION)
set(library libmosquittokv${KV_SOVERSION})
kv_package(library ${library} libs ""
  "C++ client of mosquitto-kv's key/value buckets: library"
  "Buckets, keys, revisions and watches of a Mosquitto broker with the key/value
plugin, for C++ programs. This is what such a program needs to run.")
configure_file(libmosquittokv/shlibs.in shlibs @ONLY)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_CONTROL_EXTRA
  "${CMAKE_CURRENT_BINARY_DIR}/shlibs;${CMAKE_CURRENT_SOURCE_DIR}/libmosquittokv/triggers")
kv_package(client libmosquittokv-dev libdevel
  "${library} (= ${PROJECT_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE})"
  "C++ client of mosquitto-kv's key/value buckets: headers"
  "Buckets, keys, revisions and watches of a Mosquitto broker with the key/value
plugin, for C++ programs: headers, and what CMake and pkg-config find them by.")
