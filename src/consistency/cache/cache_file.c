/*-------------------------------------------------------------------------
 *
 * cache_file.c
 *		The files that a page cache is kept in.
 *
 * Two files below pg_spine in the data directory.  The map has a head, the
 * list of unsettled pages, sums by bucket, and an entry of 64 bytes for each
 * page of the table.  The file of rows has a slot of 32 bytes for each tuple:
 * a page's slots stand in a row by offset; slots that came later are appended
 * as a patch, which replaces the patch before it, until it gets too long and
 * all slots of the page are written anew.  So nothing in that file changes,
 * and what one run appends is written in a row.
 *
 * The names begin with pgsql_tmp: base backups and pg_rewind leave them out.
 * Nothing is flushed and nothing is logged; the files may be lost.
 *
 * Invariant: what is not what was written is noticed.  Head, list and buckets
 * have checksums, entries and slots too, of which the place is part.  A mixture
 * of old and new blocks, as a crash of the machine may leave, has good
 * checksums but other sums than the head tells: who finds that the server was
 * started since must add up all of it (see page_cache.c).  A process that dies
 * while it writes leaves the head dirty.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "consistency/cache/cache_file.h"
#include "port/pg_bitutils.h"
#include "storage/fd.h"
#include "utils/memutils.h"

/* Where the parts of the map are. */
#define HEAD_BYTES 4096
#define LIST_BYTES (sizeof(BlockNumber) * CACHE_LISTED)
#define BUCKET_BYTES (sizeof(Bucket) * CACHE_BUCKETS)
#define LIST_AT HEAD_BYTES
#define BUCKETS_AT (LIST_AT + LIST_BYTES)
#define PAGES_AT (BUCKETS_AT + BUCKET_BYTES)

/* Entries, and units of the file of rows, that are in memory at a time. */
#define WINDOW_PAGES 1024
#define TAIL_UNITS 2048

/* A unit of the file of rows. */
#define UNIT sizeof(CacheSlot)

/* The slots behind a page's own: which offsets they are of, then they. */
typedef struct Patch
{
	union
	{
		uint16		offsets[CACHE_PATCHES];
		CacheSlot	unit;
	}			head;
	CacheSlot	slots[CACHE_PATCHES];
} Patch;

struct CacheFile
{
	char		map_path[MAXPGPATH];
	char		rows_path[MAXPGPATH];
	int			map;		/* descriptors; -1: not open */
	int			rows;
	const char *error;		/* what went wrong first, or NULL */
	bool		changing;	/* the head on disk is dirty */
	CacheHead	head;
	Bucket	   *buckets;	/* NULL: not read */
	BlockNumber first;		/* of the entries in memory */
	int			npages;		/* of them; 0: none */
	int			changed_from; /* those to write; none if from is not below */
	int			changed_upto;
	CachePage	pages[WINDOW_PAGES];
	uint64		read_at;	/* unit behind those that were read last */
	uint64		row_at;		/* the first one of those in row */
	int			nrow;
	uint64		tail_unit;	/* of the first unit that is not written */
	int			ntail;
	CacheSlot	tail[TAIL_UNITS];
	CacheSlot	row[TAIL_UNITS]; /* read ahead */
};

StaticAssertDecl(sizeof(CacheHead) <= HEAD_BYTES, "head of a page cache");
StaticAssertDecl(sizeof(CacheSlot) == 32, "slot of a page cache");
StaticAssertDecl(sizeof(uint16) * CACHE_PATCHES <= UNIT, "patch of a cache");
StaticAssertDecl(MaxHeapTuplesPerPage <= TAIL_UNITS, "slots of a page");

/* ---- errors and bytes ---- */

const char *
cache_file_error(const CacheFile *file)
{
	return file->error;
}

void
cache_file_fail(CacheFile *file, const char *error)
{
	if (file->error == NULL)
		file->error = error;
}

/* Read bytes; behind the end of the file they are zero. */
static void
read_bytes(CacheFile *file, int fd, void *to, Size length, uint64 at)
{
	char	   *next = to;

	while (length > 0 && file->error == NULL)
	{
		ssize_t		got = pg_pread(fd, next, length, (off_t) at);

		if (got <= 0)
		{
			if (got < 0)
				cache_file_fail(file, "could not read it");
			break;
		}
		next += got;
		at += got;
		length -= got;
	}
	memset(next, 0, length);
}

static void
write_bytes(CacheFile *file, int fd, const void *from, Size length, uint64 at)
{
	const char *next = from;

	while (length > 0 && file->error == NULL)
	{
		ssize_t		put = pg_pwrite(fd, next, length, (off_t) at);

		if (put <= 0)
		{
			cache_file_fail(file, "could not write it");
			return;
		}
		next += put;
		at += put;
		length -= put;
	}
}

/* A checksum that is never zero. */
static uint32
check_of(const void *bytes, Size length, uint64 place)
{
	return (uint32) (XXH3_64bits_withSeed(bytes, length, place) >> 32) | 1;
}

static uint32
page_check(const CachePage *page, BlockNumber block)
{
	return check_of(page, offsetof(CachePage, check), block);
}

static uint32
slot_check(const CacheSlot *slot, BlockNumber block, OffsetNumber offset)
{
	return check_of(slot, offsetof(CacheSlot, check),
					((uint64) block << 16) | offset);
}

static uint64
head_checksum(const CacheHead *head)
{
	return XXH3_64bits((const char *) head + sizeof(head->checksum),
					   sizeof(CacheHead) - sizeof(head->checksum));
}

/* ---- opening ---- */

static void
file_paths(const CacheIdentity *identity, char *map, char *rows)
{
	char		base[MAXPGPATH - 8];

	snprintf(base, sizeof(base),
			 CACHE_DIRECTORY "/" CACHE_PREFIX "%u_%u_%016llx",
			 identity->database, identity->file,
			 (unsigned long long) identity->fingerprint.low);
	snprintf(map, MAXPGPATH, "%s.map", base);
	snprintf(rows, MAXPGPATH, "%s.rows", base);
}

static CacheFile *
make_file(const CacheIdentity *identity)
{
	CacheFile  *file = palloc(sizeof(CacheFile));

	memset(file, 0, offsetof(CacheFile, pages));
	file_paths(identity, file->map_path, file->rows_path);
	file->map = file->rows = -1;
	file->changed_from = WINDOW_PAGES;
	file->read_at = PG_UINT64_MAX;
	file->row_at = 0;
	file->nrow = 0;
	file->tail_unit = 0;
	file->ntail = 0;
	return file;
}

bool
cache_file_read_head(const char *map_path, CacheHead *head)
{
	int			fd = OpenTransientFile(map_path, O_RDONLY | PG_BINARY);
	bool		good;

	if (fd < 0)
		return false;
	good = pg_pread(fd, head, sizeof(*head), 0) == sizeof(*head) &&
		head->checksum == head_checksum(head);
	CloseTransientFile(fd);
	return good;
}

CacheFile *
cache_file_open(const CacheIdentity *identity)
{
	CacheFile  *file = make_file(identity);

	file->map = OpenTransientFile(file->map_path, O_RDWR | PG_BINARY);
	if (file->map < 0)
	{
		pfree(file);
		return NULL;
	}
	read_bytes(file, file->map, &file->head, sizeof(file->head), 0);
	if (file->error != NULL ||
		file->head.checksum != head_checksum(&file->head) ||
		file->head.dirty != 0 ||
		memcmp(&file->head.identity, identity, sizeof(*identity)) != 0)
	{
		cache_file_close(file);
		return NULL;
	}
	file->tail_unit = file->head.units;
	return file;
}

/* Open a new file, for us alone. */
static int
create_one(const char *path)
{
	(void) unlink(path);
	return OpenTransientFilePerm(path, O_RDWR | O_CREAT | O_EXCL | PG_BINARY,
								 S_IRUSR | S_IWUSR);
}

CacheFile *
cache_file_create(const CacheIdentity *identity)
{
	CacheFile  *file = make_file(identity);

	if (MakePGDirectory(CACHE_DIRECTORY) < 0 && errno != EEXIST)
	{
		pfree(file);
		return NULL;
	}
	file->map = create_one(file->map_path);
	file->rows = create_one(file->rows_path);
	memcpy(&file->head.identity, identity, sizeof(*identity));
	file->buckets = palloc0(BUCKET_BYTES);
	if (file->map < 0 || file->rows < 0)
	{
		cache_file_close(file);
		cache_file_remove(identity);
		return NULL;
	}
	cache_file_change(file);
	return file;
}

void
cache_file_close(CacheFile *file)
{
	if (file->map >= 0)
		CloseTransientFile(file->map);
	if (file->rows >= 0)
		CloseTransientFile(file->rows);
	if (file->buckets != NULL)
		pfree(file->buckets);
	pfree(file);
}

void
cache_file_remove(const CacheIdentity *identity)
{
	char		map[MAXPGPATH];
	char		rows[MAXPGPATH];

	file_paths(identity, map, rows);
	(void) unlink(map);
	(void) unlink(rows);
}

CacheHead *
cache_file_head(CacheFile *file)
{
	return &file->head;
}

static void
write_head(CacheFile *file)
{
	file->head.checksum = head_checksum(&file->head);
	write_bytes(file, file->map, &file->head, sizeof(file->head), 0);
}

void
cache_file_change(CacheFile *file)
{
	if (file->changing)
		return;
	file->changing = true;
	file->head.dirty = 1;
	write_head(file);
}

/* The file of rows, which a run that changes nothing never needs. */
static int
rows_file(CacheFile *file)
{
	if (file->rows < 0)
	{
		file->rows = OpenTransientFile(file->rows_path, O_RDWR | PG_BINARY);
		if (file->rows < 0)
			cache_file_fail(file, "could not open its file of rows");
	}
	return file->rows;
}

/* ---- entries of pages ---- */

static void
write_window(CacheFile *file)
{
	int			n = file->changed_upto - file->changed_from;

	if (n > 0)
		write_bytes(file, file->map, &file->pages[file->changed_from],
					sizeof(CachePage) * n,
					PAGES_AT +
						sizeof(CachePage) *
							((uint64) file->first + file->changed_from));
	file->changed_from = WINDOW_PAGES;
	file->changed_upto = 0;
}

static void
read_window(CacheFile *file, BlockNumber block)
{
	write_window(file);
	file->first = block - block % WINDOW_PAGES;
	file->npages = WINDOW_PAGES;
	read_bytes(file, file->map, file->pages, sizeof(file->pages),
			   PAGES_AT + sizeof(CachePage) * (uint64) file->first);
}

CachePage *
cache_file_page(CacheFile *file, BlockNumber block)
{
	CachePage  *page;

	if (file->npages == 0 || block < file->first ||
		block >= file->first + WINDOW_PAGES)
		read_window(file, block);
	page = &file->pages[block - file->first];
	if (block >= file->head.pages)
		memset(page, 0, sizeof(*page));
	else if (page->check != page_check(page, block))
		cache_file_fail(file, "an entry is damaged");
	return page;
}

void
cache_file_page_changed(CacheFile *file, BlockNumber block)
{
	int			n = (int) (block - file->first);

	file->pages[n].check = page_check(&file->pages[n], block);
	file->changed_from = Min(file->changed_from, n);
	file->changed_upto = Max(file->changed_upto, n + 1);
}

/* ---- slots ---- */

static void
write_tail(CacheFile *file)
{
	if (file->ntail > 0)
		write_bytes(file, rows_file(file), file->tail, UNIT * file->ntail,
					UNIT * file->tail_unit);
	file->tail_unit += file->ntail;
	file->ntail = 0;
}

/* Room for units that are written in a row; *at is the first one's number. */
static CacheSlot *
append_units(CacheFile *file, int n, uint32 *at)
{
	CacheSlot  *units;

	if (file->ntail + n > TAIL_UNITS)
		write_tail(file);
	if (file->head.units + n > PG_UINT32_MAX)
	{
		cache_file_fail(file, "it is too large");
		file->ntail = 0;
	}
	units = &file->tail[file->ntail];
	*at = (uint32) file->head.units;
	file->ntail += n;
	file->head.units += n;
	return units;
}

/*
 * Read units that are written.  Who reads where he stopped is likely to go on,
 * so then what follows is read too.
 */
static void
read_written(CacheFile *file, uint64 at, int n, CacheSlot *to)
{
	bool		ahead = at == file->read_at;

	file->read_at = at + n;
	if (at < file->row_at || at + n > file->row_at + file->nrow)
	{
		if (!ahead || (uint64) n > Min(file->tail_unit - at, TAIL_UNITS))
		{
			read_bytes(file, rows_file(file), to, UNIT * n, UNIT * at);
			return;
		}
		file->row_at = at;
		file->nrow = (int) Min(file->tail_unit - at, TAIL_UNITS);
		read_bytes(file, rows_file(file), file->row, UNIT * file->nrow,
				   UNIT * at);
	}
	memcpy(to, &file->row[at - file->row_at], UNIT * n);
}

/* Units that were appended together are all written or all not. */
static void
read_units(CacheFile *file, uint32 at, int n, CacheSlot *to)
{
	if (at < file->tail_unit)
		read_written(file, at, n, to);
	else if (at - file->tail_unit + n <= (uint64) file->ntail)
		memcpy(to, &file->tail[at - file->tail_unit], UNIT * n);
	else
	{
		cache_file_fail(file, "an entry names no slots");
		memset(to, 0, UNIT * n);
	}
}

static void
read_patch(CacheFile *file, const CachePage *page, Patch *patch)
{
	if (page->npatch > CACHE_PATCHES)
		cache_file_fail(file, "an entry is damaged");
	else if (page->npatch > 0)
		read_units(file, page->patch, 1 + page->npatch, &patch->head.unit);
}

/* Is an offset that a file names one that a page can have? */
static bool
offset_possible(CacheFile *file, OffsetNumber offset)
{
	if (offset >= FirstOffsetNumber && offset <= MaxHeapTuplesPerPage)
		return true;
	cache_file_fail(file, "a slot is damaged");
	return false;
}

/* The last offset that is present, or 0. */
static int
last_present(const CachePage *page)
{
	for (int word = CACHE_PRESENT_WORDS - 1; word >= 0; word--)
		if (page->present[word] != 0)
			return Min(MaxHeapTuplesPerPage,
					   word * 64 + pg_leftmost_one_pos64(page->present[word]) +
						   1);
	return 0;
}

/* Is the slot of a tuple that is present the one that was written? */
static void
check_slot(CacheFile *file, const CacheSlot *slot, BlockNumber block,
		   OffsetNumber offset)
{
	if (slot->check != slot_check(slot, block, offset))
		cache_file_fail(file, "a slot is damaged");
}

void
cache_file_slots(CacheFile *file, BlockNumber block, const CachePage *page,
				 CacheSlot *slots)
{
	Patch		patch;

	if (page->slots > MaxHeapTuplesPerPage)
	{
		cache_file_fail(file, "an entry is damaged");
		memset(slots, 0, UNIT * MaxHeapTuplesPerPage);
		return;
	}
	if (page->slots > 0)
		read_units(file, page->base, page->slots, slots);
	memset(slots + page->slots, 0,
		   UNIT * (MaxHeapTuplesPerPage - page->slots));
	read_patch(file, page, &patch);
	for (int i = 0; i < page->npatch && file->error == NULL; i++)
		if (offset_possible(file, patch.head.offsets[i]))
			slots[patch.head.offsets[i] - 1] = patch.slots[i];
	for (OffsetNumber i = FirstOffsetNumber; i <= last_present(page); i++)
		if (cache_present(page, i))
			check_slot(file, &slots[i - 1], block, i);
}

CacheSlot
cache_file_slot(CacheFile *file, BlockNumber block, const CachePage *page,
				OffsetNumber offset)
{
	CacheSlot	slot = {.check = 0};
	bool		found = false;
	Patch		patch;

	read_patch(file, page, &patch);
	for (int i = 0; i < page->npatch && file->error == NULL; i++)
		if (patch.head.offsets[i] == offset)
		{
			slot = patch.slots[i];
			found = true;
		}
	if (!found && offset <= page->slots)
		read_units(file, page->base + offset - 1, 1, &slot);
	check_slot(file, &slot, block, offset);
	return slot;
}

/* Write all slots of a page, up to the last one that is present. */
static void
put_base(CacheFile *file, CachePage *page, const CacheSlot *slots)
{
	int			n = last_present(page);
	uint32		base;

	memcpy(append_units(file, n, &base), slots, UNIT * n);
	page->base = base;
	page->slots = (uint16) n;
	page->patch = 0;
	page->npatch = 0;
}

/* Keep slots of the old patch that the new ones do not replace. */
static void
keep_patch(CacheFile *file, const CachePage *page, const OffsetNumber *offsets,
		   int noffsets, Patch *patch, int *n)
{
	Patch		before;

	*n = 0;
	read_patch(file, page, &before);
	for (int i = 0; i < page->npatch && file->error == NULL; i++)
	{
		bool		replaced = false;

		if (!offset_possible(file, before.head.offsets[i]))
			return;
		for (int j = 0; j < noffsets; j++)
			replaced |= offsets[j] == before.head.offsets[i];
		if (!replaced && cache_present(page, before.head.offsets[i]))
		{
			patch->head.offsets[*n] = before.head.offsets[i];
			patch->slots[(*n)++] = before.slots[i];
		}
	}
}

/* Append a patch, if it is not too long. */
static bool
put_patch(CacheFile *file, CachePage *page, const OffsetNumber *offsets,
		  const CacheSlot *slots, int nslots)
{
	Patch		patch;
	int			n;

	if (nslots > CACHE_PATCHES)
		return false;
	memset(&patch.head, 0, sizeof(patch.head));
	keep_patch(file, page, offsets, nslots, &patch, &n);
	if (n + nslots > CACHE_PATCHES)
		return false;
	for (int i = 0; i < nslots; i++)
	{
		patch.head.offsets[n] = offsets[i];
		patch.slots[n++] = slots[i];
	}
	if (page->npatch > 0)
		file->head.wasted += 1 + page->npatch;
	memcpy(append_units(file, 1 + n, &page->patch), &patch, UNIT * (1 + n));
	page->npatch = (uint8) n;
	return true;
}

void
cache_file_put_slots(CacheFile *file, BlockNumber block, CachePage *page,
					 const OffsetNumber *offsets, CacheSlot *slots, int nslots)
{
	CacheSlot	all[MaxHeapTuplesPerPage];
	bool		patched;

	for (int i = 0; i < nslots; i++)
		slots[i].check = slot_check(&slots[i], block, offsets[i]);
	patched = page->slots > 0 && put_patch(file, page, offsets, slots, nslots);
	if (page->slots + page->npatch == 0)
		memset(all, 0, UNIT * offsets[nslots - 1]);
	else if (!patched)
		cache_file_slots(file, block, page, all);
	for (int i = 0; i < nslots; i++)
		cache_set_present(page, offsets[i], true);
	if (patched)
		return;
	for (int i = 0; i < nslots; i++)
		all[offsets[i] - 1] = slots[i];
	file->head.wasted += page->slots + (page->npatch ? 1 + page->npatch : 0);
	put_base(file, page, all);
}

/* ---- buckets, unsettled pages ---- */

Bucket *
cache_file_buckets(CacheFile *file)
{
	if (file->buckets == NULL)
	{
		file->buckets = palloc(BUCKET_BYTES);
		read_bytes(file, file->map, file->buckets, BUCKET_BYTES, BUCKETS_AT);
		if (XXH3_64bits(file->buckets, BUCKET_BYTES) !=
			file->head.bucket_checksum)
			cache_file_fail(file, "its buckets are damaged");
	}
	return file->buckets;
}

BlockNumber *
cache_file_unsettled(CacheFile *file, int *nblocks)
{
	BlockNumber *blocks;

	*nblocks = 0;
	if (file->head.unsettled > CACHE_LISTED)
		return NULL;
	*nblocks = (int) file->head.unsettled;
	blocks = palloc(LIST_BYTES);
	if (*nblocks == 0)
		return blocks;
	read_bytes(file, file->map, blocks, sizeof(BlockNumber) * *nblocks,
			   LIST_AT);
	if (XXH3_64bits(blocks, sizeof(BlockNumber) * *nblocks) !=
		file->head.list_checksum)
		cache_file_fail(file, "its list of pages is damaged");
	return blocks;
}

void
cache_file_set_unsettled(CacheFile *file, const BlockNumber *blocks,
						 int nblocks)
{
	Size		length = sizeof(BlockNumber) * Min(nblocks, CACHE_LISTED);

	file->head.unsettled = (uint32) nblocks;
	file->head.list_checksum = XXH3_64bits(blocks, length);
	write_bytes(file, file->map, blocks, length, LIST_AT);
}

void
cache_file_save(CacheFile *file)
{
	write_window(file);
	write_tail(file);
	if (file->buckets != NULL)
	{
		file->head.bucket_checksum = XXH3_64bits(file->buckets, BUCKET_BYTES);
		write_bytes(file, file->map, file->buckets, BUCKET_BYTES, BUCKETS_AT);
	}
	file->head.generation++;
	file->head.dirty = 0;
	write_head(file);
	file->changing = false;
}
