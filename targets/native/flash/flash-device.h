/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The flash partition of a platform. On the test hosts flash-image.c keeps it in
 * a file; on ESP32 it is a data partition: size, esp_partition_read,
 * esp_partition_write and esp_partition_erase_range of
 * esp_partition_find_first(ESP_PARTITION_TYPE_DATA, 0x40, "ebalance").
 */
#ifndef EBALANCE_FLASH_DEVICE_H
#define EBALANCE_FLASH_DEVICE_H

#include <stdint.h>

enum { EB_FLASH_SECTOR = 4096 };

/* Bytes of the partition, 0 where there is none. */
uint32_t ebFlashSize(void);
/* Each returns 0, or an error of the platform. */
int ebFlashRead(uint32_t offset, void* bytes, uint32_t size);
int ebFlashProgram(uint32_t offset, const void* bytes, uint32_t size);
int ebFlashErase(uint32_t sector);

#endif
