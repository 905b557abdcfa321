MIIO_LINUX_VERSION = 0.1.0
MIIO_LINUX_SITE_METHOD = local
MIIO_LINUX_SITE = $(call qstrip,$(BR2_PACKAGE_MIIO_LINUX_SRC))
MIIO_LINUX_LICENSE = MIT
MIIO_LINUX_LICENSE_FILES = LICENSE
MIIO_LINUX_INSTALL_STAGING = YES
MIIO_LINUX_DEPENDENCIES = host-pkgconf libuv cjson mosquitto openssl msgpack-c inih libcurl uthash
MIIO_LINUX_CONF_OPTS = -DMIIO_EXAMPLES=OFF

ifeq ($(BR2_INIT_SYSTEMD),y)
MIIO_LINUX_CONF_OPTS += -DMIIO_SYSTEMD=ON
endif

# An init script of the board's own starts both daemons with --access /etc/miio/access.conf, as the units do.
define MIIO_LINUX_INSTALL_ACCESS
	$(INSTALL) -D -m 644 $(@D)/docs/packaging/access.conf $(TARGET_DIR)/etc/miio/access.conf
endef
MIIO_LINUX_POST_INSTALL_TARGET_HOOKS += MIIO_LINUX_INSTALL_ACCESS

define MIIO_LINUX_USERS
	- -1 miio -1 - - - - group of the agent's socket
endef

$(eval $(cmake-package))
