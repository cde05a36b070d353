/*-------------------------------------------------------------------------
 *
 * rights.h
 *		Acting as another role for a while, and who counts as which role.
 *
 * Both user id and security context are restored by the server itself if
 * an error leaves the section.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPINE_RIGHTS_H
#define SPINE_RIGHTS_H

#include "nodes/pg_list.h"

typedef struct ActAs
{
	Oid			userid;		/* who acted before */
	int			secctx;		/* under which security context */
	int			guc_level;	/* GUC nest level to unwind to */
} ActAs;

/*
 * Act as a role, with search_path pinned to pg_catalog, pg_temp.
 * restricted: as a security-restricted operation, for code of other people.
 */
extern ActAs act_as(Oid role, bool restricted);
extern void act_done(const ActAs *before);

/* The role that owns the extension: its superuser. */
extern Oid	extension_owner(void);

/*
 * Does a user act with the privileges of a role?  Memberships count as far as
 * they are inherited; being a superuser makes nobody a member.
 */
extern bool acts_for(Oid user, Oid role);

/* Is the user spine_admin (by inherited membership) or a superuser? */
extern bool is_spine_admin(Oid user);

/* Raise 42501 unless the current user is a superuser or acts for the role. */
extern void require_spine_role(const char *role, const char *what);

/* A counter that grows whenever roles or memberships may have changed. */
extern uint64 role_generation(void);

extern void rights_init(void);

#endif /* SPINE_RIGHTS_H */
