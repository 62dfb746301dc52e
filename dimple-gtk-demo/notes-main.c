/* notes-main.c: the demo app of Dimple
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <glib/gi18n.h>
#include <locale.h>

#include "notes-application.h"

int
main (int    argc,
      char **argv)
{
  g_autoptr(NotesApplication) application = NULL;

  setlocale (LC_ALL, "");
  bindtextdomain (GETTEXT_PACKAGE, NOTES_LOCALEDIR);
  bind_textdomain_codeset (GETTEXT_PACKAGE, "UTF-8");
  textdomain (GETTEXT_PACKAGE);
  g_set_application_name (_("Notes"));

  application = notes_application_new ();
  return g_application_run (G_APPLICATION (application), argc, argv);
}
