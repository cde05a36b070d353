/*-------------------------------------------------------------------------
 *
 * content.c
 *		What the values of an attribute may never hold.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "ownership/judge.h"

Denial *
judge_content(const Judgement *judgement, const uint64 *changed)
{
	return NULL;
}
