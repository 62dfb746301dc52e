/* query-kinds.h: random SELECTs of several tables, of groups, of full-text indexes and such
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "query-selects.h"

/* In these t is a thing, g a group and l a link; {t} {g} {l} are the columns of their keys, {T} is the table of things,
 * {?} a search, {k} a key, {#} a small number, {w} a WHERE of t or nothing, {a} a condition of t; @ is a column of t, &
 * one of g. */

static const char * const joins[] = {
  "SELECT {t}, @, g.id, & FROM {T} t JOIN grp g ON g.id = t.grp{w} ORDER BY &, {t}",
  "SELECT {t}, @, & FROM {T} t LEFT JOIN grp g ON g.id = t.grp{w} ORDER BY @, {t}",
  "SELECT {t}, @, g.id AS gid, & FROM {T} t LEFT JOIN grp AS g ON g.id = t.grp ORDER BY g.id, {t}",
  "SELECT {t}, @, g.id FROM {T} t LEFT JOIN grp AS g ON g.id = t.grp AND & IS NOT NULL ORDER BY @ DESC, {t}",
  "SELECT g.id, &, {t}, @ FROM grp g JOIN {T} t ON t.grp = g.id{w} ORDER BY g.id, {t}",
  "SELECT g.id, & FROM grp g LEFT JOIN {T} t ON t.grp = g.id ORDER BY g.id, {t}",
  "SELECT {l}, {t}, @ FROM link l JOIN {T} t ON t.key = l.thing{w} ORDER BY {l}, {t}",
  "SELECT {t}, {l}, l.weight, g.id FROM link l JOIN {T} t ON t.key = l.thing JOIN grp g ON g.id = l.grp "
  "ORDER BY {t}, {l}",
  "SELECT {t}, @, l.weight FROM {T} t LEFT JOIN link l ON l.thing = t.key ORDER BY {t}, {l}",
  "SELECT {t}, u.key AS other FROM {T} t JOIN {T} u ON u.grp = t.grp AND u.key > t.key{w} ORDER BY {t}, {u}",
  "SELECT {t}, & FROM {T} t, grp g WHERE g.id = t.grp AND ({a}) ORDER BY {t}",
  "SELECT g.id, {t}, @ FROM {T} t FULL JOIN grp g ON g.id = t.grp ORDER BY g.id, {t}",
  "SELECT {t}, & FROM {T} t JOIN grp g ON g.id = t.grp ORDER BY &, {t} LIMIT {#}",
  "SELECT t.*, & FROM {T} t JOIN grp g ON g.id = t.grp WHERE g.id = 'k03' ORDER BY {t}",
  "SELECT {t}, @, & FROM {T} t JOIN grp g ON g.id = t.grp WHERE t.key = {k} ORDER BY {t}",
  "SELECT {l}, l.weight, @, & FROM link l JOIN {T} t ON t.key = l.thing LEFT JOIN grp g ON g.id = t.grp{w} "
  "ORDER BY &, {l}",
  "SELECT {t}, &, h.id AS hid FROM {T} t LEFT JOIN grp g ON g.id = t.grp LEFT JOIN grp h ON h.id = t.key "
  "ORDER BY hid, {t}",
  "SELECT {t}, @ FROM {T} t LEFT JOIN grp g ON g.id = t.grp WHERE & IS NULL OR ({a}) ORDER BY {t}",
  "SELECT {t}, l.weight FROM {T} t JOIN link l ON l.thing = t.key AND l.grp = 'k02'{w} ORDER BY {t}",
  "SELECT {t}, & FROM {T} t JOIN grp g ON g.id = t.grp WHERE ({a}) ORDER BY lower (&) DESC, {t} LIMIT {#} OFFSET 1",
  "SELECT {t}, &, h.id AS hid FROM {T} t LEFT JOIN grp g ON g.id = t.grp JOIN grp h ON h.id = coalesce (g.id, 'k02') "
  "ORDER BY {t}",
  "SELECT {t}, &, h.id AS hid FROM {T} t LEFT JOIN grp g ON g.id = t.grp AND & IS NOT NULL JOIN grp h "
  "ON h.id = iif (g.id IS NULL, 'k01', t.grp) ORDER BY &, {t} LIMIT {#}",
  "SELECT {t}, &, h.id AS hid FROM grp h JOIN {T} t LEFT JOIN grp g ON g.id = t.grp AND g.id > h.id WHERE h.id = 'k02' AND ({a}) "
  "ORDER BY {t}",
  "SELECT {t}, & FROM {T} t LEFT JOIN grp g ON g.id = t.grp, grp h WHERE h.id = coalesce (g.id, t.key) ORDER BY {t}",
  "SELECT {l}, {t}, & FROM link l LEFT JOIN {T} t ON t.key = l.thing LEFT JOIN grp g ON g.id = t.grp JOIN grp h "
  "ON h.id = coalesce (t.grp, l.grp) ORDER BY {l}",
  "SELECT {l}, & FROM {T} t LEFT JOIN grp g ON g.id = t.grp JOIN link l ON l.thing = t.key AND l.grp > coalesce (g.id, 'a') "
  "ORDER BY {l}",
  "SELECT {l}, l.weight, g.* FROM grp g JOIN link l ON g.id = l.grp LEFT JOIN {T} t ON t.key = l.thing WHERE @ IS NULL OR "
  "l.weight > 2 ORDER BY l.weight DESC NULLS LAST, {l} LIMIT {#} OFFSET 2",
  "SELECT {t}, & FROM {T} t LEFT JOIN grp g ON g.id = @ ORDER BY & DESC, {t}",
};

static const char * const subqueries[] = {
  "SELECT {t}, @ FROM {T} t WHERE EXISTS (SELECT 1 FROM link l WHERE l.thing = t.key AND l.weight > 2) ORDER BY {t}",
  "SELECT {t}, @ FROM {T} t WHERE NOT EXISTS (SELECT 1 FROM link l WHERE l.thing = t.key) ORDER BY @, {t}",
  "SELECT {t}, @ FROM {T} t WHERE t.grp IN (SELECT g.id FROM grp g WHERE & IS NOT NULL) ORDER BY @, {t}",
  "SELECT {t}, (SELECT count (*) FROM link l WHERE l.thing = t.key) AS links FROM {T} t{w} ORDER BY links DESC, {t}",
  "SELECT {t}, (SELECT max (weight) FROM link) AS most FROM {T} t ORDER BY {t}",
  "SELECT {t}, (SELECT count (grp) FROM {T}) AS grouped FROM {T} t{w} ORDER BY {t}",
  "SELECT * FROM (SELECT {t}, @ AS c FROM {T} t{w}) ORDER BY 1, 2",
  "SELECT {t}, @ FROM (SELECT * FROM {T} ORDER BY key LIMIT 7) t ORDER BY {t}",
  "SELECT {t}, @ FROM shown t{w} ORDER BY @, {t}",
  "SELECT {t}, value FROM {T} t, json_each ('[1, 2]') ORDER BY value, {t}",
};

static const char * const summaries[] = {
  "SELECT count (*) AS n FROM {T} t{w}",
  "SELECT count (@) AS n, max (@) AS top, total (@) AS sum FROM {T} t{w}",
  "SELECT count (*) AS n, max (@) AS top FROM {T} t WHERE t.key = {k}",
  "SELECT count (*) AS n, max (@) AS top FROM {T} t WHERE t.key IN ({k}, {k}, {k})",
  "SELECT t.grp, count (*) AS n FROM {T} t{w} GROUP BY t.grp ORDER BY t.grp",
  "SELECT g.id, count (t.key) AS n FROM grp g LEFT JOIN {T} t ON t.grp = g.id GROUP BY g.id ORDER BY n DESC, g.id",
  "SELECT t.grp, max (length (@)) AS n FROM {T} t GROUP BY t.grp HAVING count (*) > 1 ORDER BY t.grp",
  "SELECT DISTINCT t.grp FROM {T} t{w} ORDER BY t.grp DESC",
  "SELECT DISTINCT {t}, @ FROM {T} t{w} ORDER BY {t}",
  "SELECT DISTINCT g.id FROM grp g JOIN {T} t ON t.grp = g.id ORDER BY g.id",
  "SELECT {t}, row_number () OVER (ORDER BY @, {t}) AS place FROM {T} t ORDER BY place",
  "SELECT {t}, @, count (*) OVER (PARTITION BY t.grp) AS n FROM {T} t{w} ORDER BY {t}",
  "SELECT {t}, lag (t.key) OVER (ORDER BY {t}) AS previous FROM {T} t ORDER BY {t}",
};

static const char * const compounds[] = {
  "SELECT t.key, @ FROM {T} t UNION ALL SELECT g.id, & FROM grp g ORDER BY 1, 2",
  "SELECT t.key FROM {T} t UNION SELECT l.thing FROM link l ORDER BY 1",
  "SELECT t.key FROM {T} t EXCEPT SELECT l.thing FROM link l ORDER BY 1",
  "SELECT t.grp FROM {T} t INTERSECT SELECT g.id FROM grp g ORDER BY 1",
  "WITH busy (id) AS (SELECT t.grp FROM {T} t GROUP BY t.grp HAVING count (*) > 1) "
  "SELECT {t}, @ FROM {T} t WHERE t.grp IN busy ORDER BY {t}",
  "WITH c AS MATERIALIZED (SELECT * FROM {T}) SELECT {t}, @ FROM c t{w} ORDER BY {t}",
  "WITH RECURSIVE r (id, depth) AS (SELECT g.id, 0 FROM grp g WHERE g.id < 'k03' UNION "
  "SELECT l.thing, depth + 1 FROM r JOIN link l ON l.grp = r.id WHERE depth < 2) SELECT id, depth FROM r "
  "ORDER BY id, depth",
  "VALUES (1, 'a'), (2, 'b')",
};

static const char * const searches[] = {
  "SELECT {t}, @ FROM words JOIN {T} t ON t.rowid = words.rowid WHERE words MATCH fts_query ({?}) ORDER BY {t}",
  "SELECT {t}, @, rank FROM words JOIN {T} t ON t.rowid = words.rowid WHERE words MATCH fts_query ({?}) "
  "ORDER BY rank, {t}",
  "SELECT {t}, @ FROM {T} t WHERE t.rowid IN (SELECT rowid FROM words WHERE words MATCH fts_query ({?})) "
  "ORDER BY @, {t}",
  "SELECT {t} FROM {T} t WHERE EXISTS (SELECT 1 FROM words WHERE words MATCH fts_query ({?}) "
  "AND words.rowid = t.rowid) ORDER BY {t}",
  "SELECT rowid FROM words WHERE words MATCH fts_query ({?}) ORDER BY rowid",
  "SELECT count (*) AS n FROM words WHERE words MATCH fts_query ({?})",
  "SELECT {t}, g.id FROM words JOIN {T} t ON t.rowid = words.rowid JOIN grp g ON g.id = t.grp "
  "WHERE words MATCH fts_query ({?}) ORDER BY g.id, {t}",
  "SELECT rowid, highlight (words, 0, '<', '>') AS marked FROM words WHERE words MATCH fts_query ({?}) ORDER BY rowid",
};

static inline void
put_token (Select       *select,
           const Source *things,
           char          token)
{
  World *world = select->world;
  const Table *links = &world->tables[LINKS];
  const Source link = { links, "l", FALSE }, other = { things->table, "u", FALSE };

  if (token == 't')
    put_key (select, things, "", FALSE);
  else if (token == 'u')
    put_key (select, &other, "", FALSE);
  else if (token == 'l')
    put_key (select, &link, "", FALSE);
  else if (token == 'T')
    g_string_append (select->sql, things->table->name);
  else if (token == 'k')
    put_value (select, &things->table->columns[0]);
  else if (token == '?' && chance (world, 70))
    put_parameter (select, &a_search);
  else if (token == '?')
    g_string_append (select->sql, "'al'");
  else if (token == '#')
    g_string_append_printf (select->sql, "%u", pick (world, 9));
  else if (token == 'w')
    put_where (select, things);
  else
    put_condition (select, things, 1);
}

static inline Select *
select_from_template (World      *world,
                      const char *template)
{
  Select *select = select_begin (world);
  const Source things = { &world->tables[THINGS], "t", FALSE }, groups = { &world->tables[GROUPS], "g", FALSE };
  const Column *column = pick_column (world, things.table), *other = pick_column (world, groups.table);

  for (const char *c = template; *c != '\0'; c++)
    if (*c == '@')
      put_column (select, &things, column);
    else if (*c == '&')
      put_column (select, &groups, other);
    else if (*c == '{')
      {
        put_token (select, &things, c[1]);
        c += 2;
      }
    else
      g_string_append_c (select->sql, *c);
  return select;
}

static inline Select *
random_select (World *world)
{
  guint kind = pick (world, 100);

  if (kind < 50)
    return select_of_table (world, chance (world, 85));
  if (kind < 60)
    return select_window (world);
  if (kind < 75)
    return select_from_template (world, PICK (world, joins));
  if (kind < 82)
    return select_from_template (world, PICK (world, subqueries));
  if (kind < 90)
    return select_from_template (world, PICK (world, summaries));
  if (kind < 94 || world->fulltext == FULLTEXT_NONE)
    return select_from_template (world, PICK (world, compounds));
  /* An index without contents has nothing to mark. */
  return select_from_template (world, searches[pick (world, G_N_ELEMENTS (searches) -
                                                            (world->fulltext == FULLTEXT_CONTENTLESS))]);
}
