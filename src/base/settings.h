/*-------------------------------------------------------------------------
 *
 * settings.h
 *		The settings spine.*, listed in docs/settings.md.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPINE_SETTINGS_H
#define SPINE_SETTINGS_H

/* spine.store: which store of the document this database is; '' = the only
 * one of kind postgres without a server. */
extern char *spine_store;

extern void settings_init(void);

#endif /* SPINE_SETTINGS_H */
