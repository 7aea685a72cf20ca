/* SPDX-License-Identifier: Apache-2.0 */
/* Those of the C library (picolibc 1.8) are wrong where a number of 22 to 52 bits has a fraction: floor below zero, ceil above it. trunc is right. */
#include <math.h>

double floor(double x)
{
	const double whole = trunc(x);
	return whole > x ? whole - 1 : whole;
}

double ceil(double x)
{
	const double whole = trunc(x);
	return whole < x ? whole + 1 : whole;
}
