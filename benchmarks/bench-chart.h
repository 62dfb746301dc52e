/* bench-chart.h: a picture of latencies against result sizes
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _BenchChart BenchChart;

BenchChart *bench_chart_new      (const char  *title,
                                  const char  *x_title,
                                  const char  *y_title);
void        bench_chart_free     (BenchChart  *self);
/* Points of one name make a line; both axes are logarithmic. */
void        bench_chart_add      (BenchChart  *self,
                                  const char  *name,
                                  double       x,
                                  double       y);
gboolean    bench_chart_save_svg (BenchChart  *self,
                                  const char  *path,
                                  GError     **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BenchChart, bench_chart_free)

G_END_DECLS
