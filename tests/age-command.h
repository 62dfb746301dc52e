/* age-command.h: runs the `age` and `age-keygen` commands for tests
 *
 * `age` asks for passphrases on a terminal only, so it is given one.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gio/gio.h>

/* Skips the test if there is no such command */
static inline gboolean
age_command_is_there (void)
{
  g_autofree char *age = g_find_program_in_path ("age");
  g_autofree char *keygen = g_find_program_in_path ("age-keygen");

  if (age != NULL && keygen != NULL)
    return TRUE;

  g_test_skip ("The commands age and age-keygen are not installed.");
  return FALSE;
}

/* Returns whether it succeeded; `output` is nullable */
static inline gboolean
age_command_run (const char * const  *argv,
                 GBytes             **output)
{
  g_autoptr (GSubprocess) process = NULL;
  g_autoptr (GError) error = NULL;

  process = g_subprocess_newv (argv, G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_SILENCE, &error);
  g_assert_no_error (error);
  g_subprocess_communicate (process, NULL, NULL, output, NULL, &error);
  g_assert_no_error (error);
  return g_subprocess_get_successful (process);
}

/* Types the passphrase each time that the command asks for it */
static inline gboolean
age_command_run_with_passphrase (const char * const *argv,
                                 const char         *passphrase)
{
  g_autofree char *line = g_strconcat (passphrase, "\n", NULL);
  char buffer[1024];
  gssize n_read;
  int status;
  int terminal;
  pid_t pid = forkpty (&terminal, NULL, NULL, NULL);

  g_assert_cmpint (pid, >=, 0);
  if (pid == 0)
    {
      execvp (argv[0], (char **) argv);
      _exit (127);
    }

  while ((n_read = read (terminal, buffer, sizeof buffer - 1)) > 0)
    {
      buffer[n_read] = '\0';
      /* "Enter passphrase: ", "Confirm passphrase: " */
      if (g_str_has_suffix (buffer, ": "))
        g_assert_cmpint (write (terminal, line, strlen (line)), ==, strlen (line));
    }
  close (terminal);
  while (waitpid (pid, &status, 0) < 0)
    g_assert_cmpint (errno, ==, EINTR);
  return WIFEXITED (status) && WEXITSTATUS (status) == 0;
}

static inline void
age_command_write (const char *path,
                   GBytes     *contents)
{
  g_autoptr (GError) error = NULL;
  gsize size;
  const char *data = g_bytes_get_data (contents, &size);

  g_file_set_contents (path, data != NULL ? data : "", size, &error);
  g_assert_no_error (error);
}

static inline GBytes *
age_command_read (const char *path)
{
  g_autoptr (GError) error = NULL;
  char *data;
  gsize size;

  g_file_get_contents (path, &data, &size, &error);
  g_assert_no_error (error);
  return g_bytes_new_take (data, size);
}

/* (transfer full): the first line of a file that begins with a prefix */
static inline char *
age_command_read_line (const char *path,
                       const char *prefix)
{
  g_autoptr (GBytes) contents = age_command_read (path);
  g_autofree char *text = g_strndup (g_bytes_get_data (contents, NULL), g_bytes_get_size (contents));
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);

  for (gsize i = 0; lines[i] != NULL; i++)
    if (g_str_has_prefix (lines[i], prefix))
      return g_strdup (lines[i]);

  g_assert_not_reached ();
}
