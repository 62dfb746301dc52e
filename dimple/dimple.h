/* dimple.h: the one header to include
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#define DIMPLE_INSIDE
#include "dimple-batch.h"
#include "dimple-change-set.h"
#include "dimple-change.h"
#include "dimple-conflict.h"
#include "dimple-custom-storage.h"
#include "dimple-encrypted-storage.h"
#include "dimple-enum-types.h"
#include "dimple-enums.h"
#include "dimple-error.h"
#include "dimple-local-storage.h"
#include "dimple-memory-storage.h"
#include "dimple-query.h"
#include "dimple-row.h"
#include "dimple-s3-storage.h"
#include "dimple-storage-request.h"
#include "dimple-storage.h"
#include "dimple-store.h"
#include "dimple-sync-client.h"
#include "dimple-test.h"
#include "dimple-types.h"
#include "dimple-version-macros.h"
#include "dimple-version.h"
#undef DIMPLE_INSIDE
