/* SPDX-License-Identifier: Apache-2.0 */
/* The baked bytecode of one application: EB_IMAGE is the name of its file. */
	.section .rodata.baked
	.globl ebBakedImage
	.balign 4
ebBakedImage:
	.incbin EB_IMAGE
