# mosquitto-plugin-kv: the plugin, its commented lines for the broker's configuration directory, the
# man page of its options, and the documents.
set(documents "${CMAKE_INSTALL_DATAROOTDIR}/doc/mosquitto-plugin-kv")

add_executable(man_page man_page.cc)
target_link_libraries(man_page PRIVATE kv_plugin_core kv_build_options)
add_custom_command(OUTPUT mosquitto_kv.5
  COMMAND man_page "/usr/${CMAKE_INSTALL_LIBDIR}/mosquitto_kv.so"
    < "${CMAKE_CURRENT_SOURCE_DIR}/mosquitto_kv.5.in" > mosquitto_kv.5
  DEPENDS man_page mosquitto_kv.5.in VERBATIM)
add_custom_target(plugin_man_page ALL DEPENDS mosquitto_kv.5)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/mosquitto_kv.5"
  DESTINATION "${CMAKE_INSTALL_MANDIR}/man5" COMPONENT plugin)

install(FILES
  "${PROJECT_SOURCE_DIR}/README.md"
  "${PROJECT_SOURCE_DIR}/docs/operations.md"
  "${PROJECT_SOURCE_DIR}/docs/protocol.md"
  "${PROJECT_SOURCE_DIR}/docs/storage-format.md"
  DESTINATION "${documents}" COMPONENT plugin EXCLUDE_FROM_ALL)
install(FILES "${PROJECT_SOURCE_DIR}/mosquitto.conf.example"
  DESTINATION "${documents}/examples" COMPONENT plugin EXCLUDE_FROM_ALL)

configure_file(mosquitto-plugin-kv/kv.conf.in kv.conf @ONLY)
# Debian's place, whatever the prefix is.
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/kv.conf"
  DESTINATION /etc/mosquitto/conf.d COMPONENT plugin EXCLUDE_FROM_ALL)
install(FILES mosquitto-plugin-kv/lintian-overrides
  DESTINATION "${CMAKE_INSTALL_DATAROOTDIR}/lintian/overrides" RENAME mosquitto-plugin-kv
  COMPONENT plugin EXCLUDE_FROM_ALL)

kv_package(plugin mosquitto-plugin-kv net "mosquitto (>= 2.0.11)"
  "durable key/value buckets for the Mosquitto MQTT broker"
  "What is published to kv/<bucket>/<key> is stored with a revision, survives a
crash, and can be listed, versioned, compared-and-set and expired. Retained
messages are get, topic wildcards are watch, MQTT 5 user properties carry
revisions; any MQTT client works as it is.
.
The package changes nothing about a broker until the lines that load the
plugin, in /etc/mosquitto/conf.d/kv.conf, are uncommented.")
set(control "${CMAKE_CURRENT_SOURCE_DIR}/mosquitto-plugin-kv")
set(CPACK_DEBIAN_PLUGIN_PACKAGE_CONTROL_EXTRA
  "${control}/conffiles;${control}/preinst;${control}/postinst;${control}/postrm")
