/* SPDX-License-Identifier: Apache-2.0 */
/* What the chip measures of itself, for the sensor example: the load of its processor, and its temperature where it has a sensor. */
#include "xsmc.h"

#include <esp_timer.h>
#include <freertos/FreeRTOS.h>
#include <freertos/idf_additions.h>
#include <freertos/task.h>
#include <soc/soc_caps.h>
#if SOC_TEMP_SENSOR_SUPPORTED
	#include <driver/temperature_sensor.h>
#endif

/* Microseconds that the processors were idle, in 32 bits. */
static uint32_t idleUs(void)
{
	uint32_t sum = 0;
	for (BaseType_t core = 0; core < portNUM_PROCESSORS; core++)
		sum += (uint32_t)ulTaskGetIdleRunTimeCounterForCore(core);
	return sum;
}

/* () -> percent since the call before; undefined where no time has passed */
void ebProcessorLoad(xsMachine* the)
{
	static uint32_t idleBefore = 0, nowBefore = 0;
	uint32_t idle = idleUs(), now = (uint32_t)esp_timer_get_time();
	double idleShare = (double)(idle - idleBefore) / (now - nowBefore) / portNUM_PROCESSORS;
	if (now != nowBefore)
		xsmcSetNumber(xsResult, idleShare < 1 ? 100 * (1 - idleShare) : 0);
	idleBefore = idle;
	nowBefore = now;
}

/* () -> degrees Celsius, undefined where there is no sensor */
void ebTemperature(xsMachine* the)
{
#if SOC_TEMP_SENSOR_SUPPORTED
	static temperature_sensor_handle_t sensor = NULL;
	const temperature_sensor_config_t range = TEMPERATURE_SENSOR_CONFIG_DEFAULT(-10, 80);
	float celsius;
	if (!sensor && temperature_sensor_install(&range, &sensor) == ESP_OK)
		temperature_sensor_enable(sensor);
	if (sensor && temperature_sensor_get_celsius(sensor, &celsius) == ESP_OK)
		xsmcSetNumber(xsResult, celsius);
#else
	(void)the;
#endif
}
