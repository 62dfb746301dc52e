/* bench-chart.c: a picture of latencies against result sizes
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "bench-chart.h"

#include <math.h>

#define WIDTH 840
#define HEIGHT 460
#define LEFT 80
#define RIGHT 260
#define TOP 60
#define BOTTOM 60

typedef struct
{
  char   *name;
  GArray *points;       /* of Point */
} Line;

typedef struct
{
  double x;
  double y;
} Point;

struct _BenchChart
{
  char      *title;
  char      *x_title;
  char      *y_title;
  GPtrArray *lines;     /* of Line */

  /* The powers of ten that the axes begin and end with */
  int        x_min;
  int        x_max;
  int        y_min;
  int        y_max;
};

/* Told apart without colour too: by the shape of the marks. */
static const char * const colors[] = { "#1c71d8", "#c64600", "#26a269", "#813d9c" };

static void
line_free (gpointer data)
{
  Line *line = data;

  g_free (line->name);
  g_array_unref (line->points);
  g_free (line);
}

BenchChart *
bench_chart_new (const char *title,
                 const char *x_title,
                 const char *y_title)
{
  BenchChart *self = g_new0 (BenchChart, 1);

  self->title = g_strdup (title);
  self->x_title = g_strdup (x_title);
  self->y_title = g_strdup (y_title);
  self->lines = g_ptr_array_new_with_free_func (line_free);
  self->x_min = self->y_min = G_MAXINT;
  self->x_max = self->y_max = G_MININT;
  return self;
}

void
bench_chart_free (BenchChart *self)
{
  g_free (self->title);
  g_free (self->x_title);
  g_free (self->y_title);
  g_ptr_array_unref (self->lines);
  g_free (self);
}

static Line *
get_line (BenchChart *self,
          const char *name)
{
  Line *line;

  for (guint i = 0; i < self->lines->len; i++)
    {
      line = g_ptr_array_index (self->lines, i);
      if (g_str_equal (line->name, name))
        return line;
    }
  line = g_new0 (Line, 1);
  line->name = g_strdup (name);
  line->points = g_array_new (FALSE, FALSE, sizeof (Point));
  g_ptr_array_add (self->lines, line);
  return line;
}

void
bench_chart_add (BenchChart *self,
                 const char *name,
                 double      x,
                 double      y)
{
  Point point = { x, y };

  g_array_append_val (get_line (self, name)->points, point);
  self->x_min = MIN (self->x_min, (int) floor (log10 (x)));
  self->x_max = MAX (self->x_max, (int) ceil (log10 (x)));
  self->y_min = MIN (self->y_min, (int) floor (log10 (y)));
  self->y_max = MAX (self->y_max, (int) ceil (log10 (y)));
}

/* -- The picture -------------------------------------------------------------------------------------------------- */

static double
place_x (BenchChart *self,
         double      x)
{
  return LEFT + (WIDTH - LEFT - RIGHT) * (log10 (x) - self->x_min) / MAX (self->x_max - self->x_min, 1);
}

static double
place_y (BenchChart *self,
         double      y)
{
  return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (log10 (y) - self->y_min) / MAX (self->y_max - self->y_min, 1);
}

/* A number with a dot, whatever the locale says; two are used at a time. */
static const char *
number (double value)
{
  static char texts[4][G_ASCII_DTOSTR_BUF_SIZE];
  static guint next;
  char *text = texts[next++ % G_N_ELEMENTS (texts)];

  return g_ascii_formatd (text, G_ASCII_DTOSTR_BUF_SIZE, "%.1f", value);
}

static void
draw_text (GString    *svg,
           double      x,
           double      y,
           const char *attributes,
           const char *text)
{
  g_autofree char *escaped = g_markup_escape_text (text, -1);

  g_string_append_printf (svg, "<text x=\"%s\" y=\"%s\" %s>%s</text>\n", number (x), number (y), attributes, escaped);
}

static void
draw_grid_line (GString *svg,
                double   x1,
                double   y1,
                double   x2,
                double   y2)
{
  g_string_append_printf (svg, "<line x1=\"%s\" y1=\"%s\" ", number (x1), number (y1));
  g_string_append_printf (svg, "x2=\"%s\" y2=\"%s\" stroke=\"#deddda\"/>\n", number (x2), number (y2));
}

/* A power of ten with a comma after each thousand */
static char *
dup_count (int power)
{
  GString *text = g_string_new (power >= 0 ? "1" : "0");

  for (int i = power; i > 0; i--)
    g_string_append (text, i % 3 == 0 ? ",0" : "0");
  return g_string_free (text, FALSE);
}

/* Powers of ten of milliseconds, as people say them. */
static char *
dup_time (int power)
{
  static const char * const units[] = { "ns", "µs", "ms", "s" };
  int exponent = power + 6, unit = CLAMP (exponent / 3, 0, 3);

  return g_strdup_printf ("%.0f %s", pow (10, exponent - 3 * unit), units[unit]);
}

static void
draw_axes (BenchChart *self,
           GString    *svg)
{
  for (int power = self->x_min; power <= self->x_max; power++)
    {
      double x = place_x (self, pow (10, power));
      g_autofree char *label = dup_count (power);

      draw_grid_line (svg, x, TOP, x, HEIGHT - BOTTOM);
      draw_text (svg, x, HEIGHT - BOTTOM + 18, "text-anchor=\"middle\"", label);
    }
  for (int power = self->y_min; power <= self->y_max; power++)
    {
      double y = place_y (self, pow (10, power));
      g_autofree char *label = dup_time (power);

      draw_grid_line (svg, LEFT, y, WIDTH - RIGHT, y);
      draw_text (svg, LEFT - 8, y + 4, "text-anchor=\"end\"", label);
    }
  draw_text (svg, LEFT, 24, "font-size=\"16\" font-weight=\"bold\"", self->title);
  draw_text (svg, LEFT, 44, "fill=\"#5e5c64\"", self->y_title);
  draw_text (svg, (LEFT + WIDTH - RIGHT) / 2.0, HEIGHT - 14, "text-anchor=\"middle\" fill=\"#5e5c64\"", self->x_title);
}

static void
draw_mark (GString    *svg,
           guint       shape,
           const char *color,
           double      x,
           double      y)
{
  const char *at_x = number (x), *at_y = number (y);

  switch (shape % 4)
    {
    case 0:
      g_string_append_printf (svg, "<circle cx=\"%s\" cy=\"%s\" r=\"4.5\" fill=\"%s\"/>\n", at_x, at_y, color);
      break;
    case 1:
      g_string_append_printf (svg, "<path d=\"M%s %sm-4.5 -4.5h9v9h-9z\" fill=\"%s\"/>\n", at_x, at_y, color);
      break;
    case 2:
      g_string_append_printf (svg, "<path d=\"M%s %sm0 -5.5l5.5 9.5h-11z\" fill=\"%s\"/>\n", at_x, at_y, color);
      break;
    default:
      g_string_append_printf (svg, "<path d=\"M%s %sm0 -6l6 6l-6 6l-6 -6z\" fill=\"%s\"/>\n", at_x, at_y, color);
      break;
    }
}

static void
draw_line (BenchChart *self,
           GString    *svg,
           guint       n)
{
  const Line *line = g_ptr_array_index (self->lines, n);
  const char *color = colors[n % G_N_ELEMENTS (colors)];
  double legend_x = WIDTH - RIGHT + 24, legend_y = TOP + 12 + 22 * n;
  g_autofree char *attributes = g_strdup_printf ("fill=\"%s\" font-weight=\"bold\"", color);

  g_string_append (svg, "<polyline fill=\"none\" stroke-width=\"2\" points=\"");
  for (guint i = 0; i < line->points->len; i++)
    {
      const Point *point = &g_array_index (line->points, Point, i);

      g_string_append_printf (svg, "%s,%s ", number (place_x (self, point->x)), number (place_y (self, point->y)));
    }
  g_string_append_printf (svg, "\" stroke=\"%s\"/>\n", color);
  for (guint i = 0; i < line->points->len; i++)
    {
      const Point *point = &g_array_index (line->points, Point, i);

      draw_mark (svg, n, color, place_x (self, point->x), place_y (self, point->y));
    }
  draw_mark (svg, n, color, legend_x, legend_y);
  draw_text (svg, legend_x + 12, legend_y + 4, attributes, line->name);
}

gboolean
bench_chart_save_svg (BenchChart  *self,
                      const char  *path,
                      GError     **error)
{
  g_autoptr(GString) svg = g_string_new (NULL);

  g_string_append_printf (svg,
                          "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" "
                          "font-family=\"Cantarell, sans-serif\" font-size=\"12\">\n"
                          "<rect width=\"100%%\" height=\"100%%\" fill=\"#ffffff\"/>\n", WIDTH, HEIGHT, WIDTH, HEIGHT);
  draw_axes (self, svg);
  for (guint i = 0; i < self->lines->len; i++)
    draw_line (self, svg, i);
  g_string_append (svg, "</svg>\n");
  return g_file_set_contents (path, svg->str, (gssize) svg->len, error);
}
