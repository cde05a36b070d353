/*-------------------------------------------------------------------------
 *
 * jb.h
 *		Reading and writing jsonb documents in place.
 *
 * A document stays in jsonb's own binary form: looking up a member is a
 * binary search in it, no parse tree is made.  Values point into the
 * document, so they live as long as it does.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPINE_JB_H
#define SPINE_JB_H

#include "nodes/pg_list.h"
#include "utils/jsonb.h"

/* A walk over the members of an object or the elements of an array. */
typedef struct JbCursor
{
	const JsonbContainer *container;
	JsonbIterator *iterator;
	int			index; /* position of the value last returned */
} JbCursor;

/* Look up a member; false if absent or if obj is not an object. */
extern bool jb_get(const JsonbContainer *obj, const char *key,
				   JsonbValue *value);
extern bool jb_get_n(const JsonbContainer *obj, const char *key, int keylen,
					 JsonbValue *value);

/* The member's container if it is an object (or array); else NULL. */
extern const JsonbContainer *jb_get_object(const JsonbContainer *obj,
										   const char *key);
extern const JsonbContainer *jb_get_array(const JsonbContainer *obj,
										  const char *key);

/* The member's text, palloc'd; NULL if absent or not a string. */
extern char *jb_get_text(const JsonbContainer *obj, const char *key);
extern bool	 jb_get_bool(const JsonbContainer *obj, const char *key,
						 bool otherwise);

/* The member's strings as a List of char *; non-strings are left out. */
extern List *jb_get_texts(const JsonbContainer *obj, const char *key);

/* Walk: members of an object come in jsonb's order (length, then bytes). */
extern void jb_walk(JbCursor *cursor, const JsonbContainer *container);
extern bool jb_next_member(JbCursor *cursor, JsonbValue *key,
						   JsonbValue *value);
extern bool jb_next_element(JbCursor *cursor, JsonbValue *value);

extern bool jb_is_object(const JsonbValue *value);
extern bool jb_is_array(const JsonbValue *value);
extern const char *jb_type_name(const JsonbValue *value);
extern char *jb_text(const JsonbValue *string);

/* Image equality of two values: 1.0 and 1.00 differ. */
extern bool jb_same(const JsonbValue *a, const JsonbValue *b);

/* Build objects. */
extern void jb_push_key(JsonbParseState **state, const char *key);
extern void jb_push_text(JsonbParseState **state, const char *key,
						 const char *text);
extern void jb_push_bool(JsonbParseState **state, const char *key, bool b);
extern void jb_push_value(JsonbParseState **state, const char *key,
						  JsonbValue *value);

#endif /* SPINE_JB_H */
