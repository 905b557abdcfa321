################################################################################
#
# miio-linux
#
################################################################################

MIIO_LINUX_VERSION = 0.1.0
MIIO_LINUX_SITE = $(call qstrip,$(BR2_PACKAGE_MIIO_LINUX_SRC))
MIIO_LINUX_SITE_METHOD = local
MIIO_LINUX_LICENSE = MIT, BSD-1-Clause (uthash)
MIIO_LINUX_LICENSE_FILES = LICENSE libagent/carried/uthash.h
MIIO_LINUX_INSTALL_STAGING = YES
MIIO_LINUX_DEPENDENCIES = \
	host-pkgconf \
	cjson \
	inih \
	libcurl \
	libuv \
	mosquitto \
	msgpack-c \
	openssl
MIIO_LINUX_CONF_OPTS = -DMIIO_EXAMPLES=OFF -DMIIO_MAN=OFF

ifeq ($(BR2_INIT_SYSTEMD),y)
MIIO_LINUX_CONF_OPTS += -DMIIO_SYSTEMD=ON
else
MIIO_LINUX_CONF_OPTS += -DMIIO_SYSTEMD=OFF
endif

ifeq ($(BR2_PACKAGE_MIIO_LINUX_WEB),y)
MIIO_LINUX_DEPENDENCIES += libmicrohttpd
MIIO_LINUX_CONF_OPTS += -DMIIO_WEB=ON
define MIIO_LINUX_INSTALL_WEB_SYSV
	$(INSTALL) -D -m 0755 $(MIIO_LINUX_PKGDIR)/S63miio_web \
		$(TARGET_DIR)/etc/init.d/S63miio_web
endef
else
MIIO_LINUX_CONF_OPTS += -DMIIO_WEB=OFF
endif

define MIIO_LINUX_INSTALL_ACCESS
	$(INSTALL) -D -m 0644 $(@D)/docs/packaging/access.conf \
		$(TARGET_DIR)/etc/miio/access.conf
endef
MIIO_LINUX_POST_INSTALL_TARGET_HOOKS += MIIO_LINUX_INSTALL_ACCESS

# The units are installed by the build itself, where they belong.
define MIIO_LINUX_INSTALL_INIT_SYSTEMD
	$(INSTALL) -D -m 0644 $(MIIO_LINUX_PKGDIR)/80-miio.preset \
		$(TARGET_DIR)/usr/lib/systemd/system-preset/80-miio.preset
endef

define MIIO_LINUX_INSTALL_INIT_SYSV
	$(INSTALL) -D -m 0755 $(MIIO_LINUX_PKGDIR)/S60miio_client \
		$(TARGET_DIR)/etc/init.d/S60miio_client
	$(INSTALL) -D -m 0755 $(MIIO_LINUX_PKGDIR)/S61miio_agent \
		$(TARGET_DIR)/etc/init.d/S61miio_agent
	$(INSTALL) -D -m 0755 $(MIIO_LINUX_PKGDIR)/S62miio_ota \
		$(TARGET_DIR)/etc/init.d/S62miio_ota
	$(MIIO_LINUX_INSTALL_WEB_SYSV)
endef

define MIIO_LINUX_USERS
	miio -1 miio -1 * - - - Mi IoT device
endef

$(eval $(cmake-package))
