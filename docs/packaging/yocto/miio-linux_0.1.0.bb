# SRC_URI, or externalsrc, is for the layer that takes this recipe.
SUMMARY = "Mi IoT device stack: client, agent, library"
LICENSE = "MIT"
LIC_FILES_CHKSUM = "file://LICENSE;md5=9b02ffa8ad799b19e6fb2ca67d1c9b08"

inherit cmake pkgconfig systemd useradd

DEPENDS = "libuv cjson mosquitto openssl msgpack-c inih curl uthash"

EXTRA_OECMAKE = "-DMIIO_EXAMPLES=OFF -DMIIO_SYSTEMD=ON"

USERADD_PACKAGES = "${PN}"
GROUPADD_PARAM:${PN} = "--system miio"

SYSTEMD_SERVICE:${PN} = "miio-client.service miio-agent.service miio-ota.service"

CONFFILES:${PN} += "${sysconfdir}/miio/access.conf"

FILES:${PN} += "${datadir}/miio ${nonarch_libdir}/sysusers.d ${systemd_system_unitdir}"
