SUMMARY = "Mi IoT device stack: client, agent, library"
HOMEPAGE = "https://example.org/miio-linux"
LICENSE = "MIT AND BSD-1-Clause"
LIC_FILES_CHKSUM = "file://LICENSE;md5=9b02ffa8ad799b19e6fb2ca67d1c9b08 \
                    file://libagent/carried/uthash.h;endline=22;md5=8f49b472649a155c68152887711480e4 \
                    "

# The layer that takes this recipe names its copy, ;tag=v${PV} and that tag's revision here.
SRC_URI = "git://example.org/miio-linux.git;protocol=https;branch=main \
           file://miio.init \
           "
SRCREV = "${AUTOREV}"

# meta-oe: cjson libinih msgpack-c; meta-networking: mosquitto
DEPENDS = "cjson curl libinih libuv mosquitto msgpack-c openssl"

inherit cmake pkgconfig systemd update-rc.d useradd manpages

PACKAGECONFIG ??= "${@bb.utils.filter('DISTRO_FEATURES', 'systemd', d)}"
PACKAGECONFIG[manpages] = "-DMIIO_MAN=ON,-DMIIO_MAN=OFF,scdoc-native"
PACKAGECONFIG[web] = "-DMIIO_WEB=ON,-DMIIO_WEB=OFF,libmicrohttpd"
PACKAGECONFIG[systemd] = "-DMIIO_SYSTEMD=ON,-DMIIO_SYSTEMD=OFF"

EXTRA_OECMAKE = " \
    -DMIIO_EXAMPLES=OFF \
    -DMIIO_SYSTEMD_UNITDIR=${systemd_system_unitdir} \
    -DMIIO_SYSUSERS_DIR=${nonarch_libdir}/sysusers.d \
    -DMIIO_TMPFILES_DIR=${nonarch_libdir}/tmpfiles.d \
"

USERADD_PACKAGES = "${PN}"
USERADD_PARAM:${PN} = "--system --home-dir /etc/miio --no-create-home --shell /sbin/nologin --user-group miio"

# switched on; an image without a program for Wi-Fi of its own appends miio-wifi.service, others are enabled by whoever needs them
SYSTEMD_SERVICE:${PN} = "miio-agent.socket miio-agent.service miio-client.service ${@bb.utils.contains('PACKAGECONFIG', 'web', 'miio-web.service', '', d)}"

INITSCRIPT_NAME = "miio"
INITSCRIPT_PARAMS = "defaults 95 10"

do_install:append() {
    install -D -m 0755 ${UNPACKDIR}/miio.init ${D}${sysconfdir}/init.d/miio
    install -D -m 0644 ${S}/docs/packaging/access.conf ${D}${sysconfdir}/miio/access.conf
}

CONFFILES:${PN} += "${sysconfdir}/miio/access.conf"

FILES:${PN} += " \
    ${datadir}/bash-completion \
    ${datadir}/fish \
    ${datadir}/miio \
    ${datadir}/zsh \
    ${nonarch_libdir}/sysusers.d \
    ${nonarch_libdir}/tmpfiles.d \
    ${systemd_system_unitdir} \
"

# opened when it is first needed, so that no program names it
RDEPENDS:${PN} += "libcurl"
RRECOMMENDS:${PN} += "hostapd wpa-supplicant"
