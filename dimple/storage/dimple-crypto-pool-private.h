/* dimple-crypto-pool-private.h: threads for sealing and opening
 *
 * GTask's own pool is shared with all of the process, and scrypt would keep one of its few threads for a second.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Like g_task_run_in_thread() */
void dimple_crypto_pool_run (GTask           *task,
                             GTaskThreadFunc  func);

/* For simulations: from now on each job is done at once, in the thread that has it. */
void dimple_crypto_pool_run_inline (void);

G_END_DECLS
