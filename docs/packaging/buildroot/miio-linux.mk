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

define MIIO_LINUX_USERS
	- -1 miio -1 - - - - group of the agent's socket
endef

$(eval $(cmake-package))
