/* Arduino's core is built with settings of its own, which know nothing of Esparto. */
#ifndef STAND_IN_SDKCONFIG_H
#define STAND_IN_SDKCONFIG_H

#define CONFIG_SPIRAM 1

#endif
