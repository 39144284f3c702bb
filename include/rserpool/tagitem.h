/*
 * SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Generated from src/ffi/ by scripts/headers
 */

#ifndef TAGITEM_H
#define TAGITEM_H


#include <stdio.h>
#include <sys/types.h>

/**
 * Number of an option.
 */
typedef unsigned int tag_t;

/**
 * Value of an option: a number, or a pointer.
 */
typedef unsigned long tagdata_t;

/**
 * One option. Lists of them are arrays that end with TAG_DONE.
 */
struct TagItem
{
   /**
    * Which option.
    */
   tag_t Tag;
   /**
    * Its value.
    */
   tagdata_t Data;
};

/**
 * Ends a list.
 */
#define TAG_DONE 0

/**
 * Ends a list.
 */
#define TAG_END 0

/**
 * Is ignored.
 */
#define TAG_IGNORE 1

/**
 * Data points to another list, with which the list goes on.
 */
#define TAG_MORE 2

/**
 * Skips the next Data items.
 */
#define TAG_SKIP 3

/**
 * The first number that means something.
 */
#define TAG_USER 1000000

#endif  /* TAGITEM_H */
