/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/main/folder.h - can something be written into a folder, and why not?
 *
 * Threads  pure, apart from the file system, on which nothing stays.
 */
#ifndef WARIFU_MAIN_FOLDER_H
#define WARIFU_MAIN_FOLDER_H

/* 0, or the errno that says why not. */
int
folder_fault(const char *path);

#endif
