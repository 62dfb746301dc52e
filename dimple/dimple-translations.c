/* dimple-translations.c: where the library's own translations are
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <glib.h>
#include <libintl.h>

/* Before anybody can ask for a text, in whatever language the app is written.  The app has to call setlocale (). */
__attribute__ ((constructor)) static void
bind_translations (void)
{
  bindtextdomain (GETTEXT_PACKAGE, DIMPLE_LOCALEDIR);
  bind_textdomain_codeset (GETTEXT_PACKAGE, "UTF-8");
}
