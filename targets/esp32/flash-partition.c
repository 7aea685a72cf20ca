/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The flash of flash-device.h on ESP32: the data partition "ebalance" of the
 * partition table. The chip SDK takes any offset and length, writes through the
 * cache, and counts neither wear nor cuts: flash.c reads back what it has written.
 */
#include "flash-device.h"

#include <esp_partition.h>

static const esp_partition_t* partition(void)
{
	static const esp_partition_t* found = NULL;
	if (!found)
		found = esp_partition_find_first(ESP_PARTITION_TYPE_DATA, ESP_PARTITION_SUBTYPE_ANY, "ebalance");
	return found;
}

uint32_t ebFlashSize(void)
{
	return partition() ? partition()->size : 0;
}

/* Without a partition there is nothing but a length of 0, and the chip SDK asserts that there is one. */
int ebFlashRead(uint32_t offset, void* bytes, uint32_t size)
{
	return size == 0 ? 0 : esp_partition_read(partition(), offset, bytes, size);
}

int ebFlashProgram(uint32_t offset, const void* bytes, uint32_t size)
{
	return size == 0 ? 0 : esp_partition_write(partition(), offset, bytes, size);
}

int ebFlashErase(uint32_t sector)
{
	return esp_partition_erase_range(partition(), sector * EB_FLASH_SECTOR, EB_FLASH_SECTOR);
}
