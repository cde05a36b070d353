/*-------------------------------------------------------------------------
 *
 * wal_list.c
 *		What the write-ahead log says of the pages of one table.
 *
 * The server's own reader puts every record together and sums it up, page
 * images included, of which there may be ten times as much as of all the rest.
 * Here the heads of records are read, and the few bytes behind them that name
 * tuples; images are jumped over.  A record that stands in one page of the log
 * is read in place; records of kinds that never name a table's page, as those
 * of btree indexes, are passed by their length.  That will do for a log that this server
 * wrote or replayed: no byte is read that is not flushed.
 *
 * Invariant: a list is complete, or there is none.  Each record must name the
 * one before it, each page must be the one that it should be, the last record
 * must end where the caller said; the files must still be there when all is
 * read, for a file that was recycled meanwhile may have been overwritten.
 * Whatever else is odd means that there is no list.
 *
 * Positions are counted in bytes of records, without the heads of pages, as
 * the server does where it reserves room for a record.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include <fcntl.h>
#include <unistd.h>

#include "access/heapam_xlog.h"
#include "access/rmgr.h"
#include "access/xlog.h"
#include "access/xlog_internal.h"
#include "access/xlogrecord.h"
#include "catalog/pg_control.h"
#include "catalog/storage_xlog.h"
#include "consistency/cache/wal_list.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/memutils.h"

/* Bytes that are read at once: in a row, and after a jump. */
#define READ_ROW 32768
#define READ_JUMP 512

/* Heads of a record that are looked at; few are longer. */
#define FEW_HEADS 192
#define MOST_HEADS                                                            \
	(SizeOfXLogRecord +                                                       \
	 (XLR_MAX_BLOCK_ID + 1) * MaxSizeOfXLogRecordBlockHeader + 32)

/* More items than this are dearer than to look at all pages. */
#define MOST_ITEMS (4 * 1024 * 1024)

/* Digits by which blocks are sorted. */
#define DIGIT_BITS 11
#define DIGIT_MASK ((1 << DIGIT_BITS) - 1)

/* Bytes of records in a page and in a segment. */
#define PAGE_BYTES (XLOG_BLCKSZ - SizeOfXLogShortPHD)
#define SEGMENT_BYTES                                                         \
	((uint64) (wal_segment_size / XLOG_BLCKSZ) * PAGE_BYTES -                 \
	 (SizeOfXLogLongPHD - SizeOfXLogShortPHD))

/* A place in the log, and what of it is in memory. */
typedef struct WalReader
{
	TimeLineID	timeline;
	XLogSegNo	first;		/* segment that was read first */
	XLogSegNo	segment;	/* that is open */
	int			fd;			/* -1: none */
	XLogRecPtr	start;		/* of the bytes in memory */
	int			length;
	XLogRecPtr	limit;		/* nothing is read from here on */
	char		window[READ_ROW];
} WalReader;

/* The heads of one record. */
typedef struct WalRecord
{
	XLogRecord	head;
	uint64		at;			/* position */
	const char *bytes;		/* all of it, if it is in memory in a row */
	XLogRecPtr	end;		/* what a page that it changed has as LSN */
	uint32		main_length; /* of the main data, which come last */
	uint64		data;		/* bytes of all data behind the heads */
	int			nblocks;	/* of the table's main fork */
	BlockNumber blocks[XLR_MAX_BLOCK_ID + 1];
	uint8		ids[XLR_MAX_BLOCK_ID + 1]; /* their numbers in the record */
} WalRecord;

/* ---- positions ---- */

/* The position of an address, be it an end or a start. */
static uint64
position_of(XLogRecPtr lsn)
{
	uint64		offset = XLogSegmentOffset(lsn, wal_segment_size);
	uint64		page = offset / XLOG_BLCKSZ;
	uint64		rest = offset % XLOG_BLCKSZ;
	uint64		position = lsn / wal_segment_size * SEGMENT_BYTES;
	uint64		head = page == 0 ? SizeOfXLogLongPHD : SizeOfXLogShortPHD;

	if (page > 0)
		position += XLOG_BLCKSZ - SizeOfXLogLongPHD + (page - 1) * PAGE_BYTES;
	return position + (rest > head ? rest - head : 0);
}

/* The address of the byte at a position. */
static XLogRecPtr
start_of(uint64 position)
{
	/* Where the segment begins that was asked for last: few are asked for. */
	static uint64 first = 0;
	static XLogRecPtr first_lsn = 0;
	uint64		rest = position - first;
	uint64		offset;

	if (rest >= SEGMENT_BYTES)
	{
		rest = position % SEGMENT_BYTES;
		first = position - rest;
		first_lsn = position / SEGMENT_BYTES * wal_segment_size;
	}
	if (rest < XLOG_BLCKSZ - SizeOfXLogLongPHD)
		offset = SizeOfXLogLongPHD + rest;
	else
	{
		rest -= XLOG_BLCKSZ - SizeOfXLogLongPHD;
		offset = XLOG_BLCKSZ + rest / PAGE_BYTES * XLOG_BLCKSZ +
			rest % PAGE_BYTES + SizeOfXLogShortPHD;
	}
	return first_lsn + offset;
}

/* The address of the end of a record whose last byte is before a position. */
static XLogRecPtr
end_of(uint64 position)
{
	XLogRecPtr	start = start_of(position);
	uint64		offset = XLogSegmentOffset(start, wal_segment_size);

	if (offset == SizeOfXLogLongPHD ||
		start % XLOG_BLCKSZ == SizeOfXLogShortPHD)
		return start - start % XLOG_BLCKSZ;
	return start;
}

XLogRecPtr
wal_record_start(XLogRecPtr position)
{
	return start_of(position_of(position));
}

XLogRecPtr
wal_record_end(XLogRecPtr position)
{
	return end_of(position_of(position));
}

/* ---- reading ---- */

static bool
open_segment(WalReader *reader, XLogSegNo segment)
{
	char		path[MAXPGPATH];

	if (reader->fd >= 0)
		CloseTransientFile(reader->fd);
	XLogFilePath(path, reader->timeline, segment, wal_segment_size);
	reader->fd = OpenTransientFile(path, O_RDONLY | PG_BINARY);
	reader->segment = segment;
	return reader->fd >= 0;
}

/* Read so that the byte at an address is in memory. */
static bool
read_window(WalReader *reader, XLogRecPtr lsn)
{
	XLogRecPtr	behind = reader->start + reader->length;
	bool		row = lsn >= reader->start && lsn < behind + READ_JUMP;
	XLogSegNo	segment = lsn / wal_segment_size;
	XLogRecPtr	end = (lsn / wal_segment_size + 1) * wal_segment_size;

	CHECK_FOR_INTERRUPTS();
	if (reader->fd < 0 || segment != reader->segment)
		if (!open_segment(reader, segment))
			return false;
	end = Min(end, reader->limit);
	if (lsn >= end)
		return false;
	reader->start = lsn;
	reader->length = Min(end - lsn, row ? READ_ROW : READ_JUMP);
	return pg_pread(reader->fd, reader->window, reader->length,
					XLogSegmentOffset(lsn, wal_segment_size)) ==
		reader->length;
}

/* Copy bytes of one page. */
static bool
copy_plain(WalReader *reader, XLogRecPtr lsn, char *to, int length)
{
	while (length > 0)
	{
		int			part;

		if (lsn < reader->start || lsn >= reader->start + reader->length)
			if (!read_window(reader, lsn))
				return false;
		part = Min(length, (int) (reader->start + reader->length - lsn));
		memcpy(to, reader->window + (lsn - reader->start), part);
		to += part;
		lsn += part;
		length -= part;
	}
	return true;
}

/* Is the page that starts at an address the one that should be there? */
static bool
page_is_right(WalReader *reader, XLogRecPtr lsn)
{
	XLogPageHeaderData head;

	return copy_plain(reader, lsn, (char *) &head, sizeof(head)) &&
		head.xlp_magic == XLOG_PAGE_MAGIC && head.xlp_pageaddr == lsn &&
		(head.xlp_info & XLP_FIRST_IS_CONTRECORD) != 0 &&
		(head.xlp_info & XLP_FIRST_IS_OVERWRITE_CONTRECORD) == 0;
}

/* Copy bytes of a record, the heads of pages between them left out. */
static bool
copy_bytes(WalReader *reader, uint64 position, char *to, int length)
{
	while (length > 0)
	{
		XLogRecPtr	lsn = start_of(position);
		int part = Min(length, (int) (XLOG_BLCKSZ - lsn % XLOG_BLCKSZ));

		if (!copy_plain(reader, lsn, to, part))
			return false;
		to += part;
		position += part;
		length -= part;
		if (length > 0 &&
			!page_is_right(reader, lsn - lsn % XLOG_BLCKSZ + XLOG_BLCKSZ))
			return false;
	}
	return true;
}

/* ---- heads ---- */

/* Take bytes from the heads; false if there are no more. */
static inline bool
take(const char **heads, const char *end, void *to, Size length)
{
	if ((Size) (end - *heads) < length)
		return false;
	memcpy(to, *heads, length);
	*heads += length;
	return true;
}

/* Pass what is said of a block's image. */
static bool
pass_image(const char **heads, const char *end, WalRecord *record)
{
	char		head[SizeOfXLogRecordBlockImageHeader];
	XLogRecordBlockImageHeader image;
	uint16		hole;

	if (!take(heads, end, head, sizeof(head)))
		return false;
	memcpy(&image, head, sizeof(head));
	record->data += image.length;
	if ((image.bimg_info & BKPIMAGE_HAS_HOLE) != 0 &&
		BKPIMAGE_COMPRESSED(image.bimg_info))
		return take(heads, end, &hole, sizeof(hole));
	return true;
}

/* Read what is said of one block; *locator is that of the block before. */
static bool
read_block(const char **heads, const char *end, uint8 id, FileLocator wanted,
		   FileLocator *locator, WalRecord *record)
{
	uint8		flags;
	uint16		length;
	BlockNumber block;

	if (!take(heads, end, &flags, sizeof(flags)) ||
		!take(heads, end, &length, sizeof(length)))
		return false;
	record->data += length;
	if ((flags & BKPBLOCK_HAS_IMAGE) != 0 && !pass_image(heads, end, record))
		return false;
	if ((flags & BKPBLOCK_SAME_REL) == 0 &&
		!take(heads, end, locator, sizeof(*locator)))
		return false;
	if (!take(heads, end, &block, sizeof(block)))
		return false;
	if ((flags & BKPBLOCK_FORK_MASK) == MAIN_FORKNUM &&
		memcmp(locator, &wanted, sizeof(wanted)) == 0)
	{
		record->blocks[record->nblocks] = block;
		record->ids[record->nblocks++] = id;
	}
	return true;
}

/* The length of the main data, in its short or its long form. */
static bool
read_main_length(const char **heads, const char *end, uint8 id,
				 WalRecord *record)
{
	uint8		length;

	if (id == XLR_BLOCK_ID_DATA_LONG)
		return take(heads, end, &record->main_length, sizeof(uint32));
	if (!take(heads, end, &length, sizeof(length)))
		return false;
	record->main_length = length;
	return true;
}

/*
 * Read what heads say; false if they are longer, or not what they should be.
 * They end where what follows is as long as the data that they announced.
 */
static bool
read_heads(const char *heads, const char *end, FileLocator wanted,
		   WalRecord *record)
{
	const char *last = heads + record->head.xl_tot_len - SizeOfXLogRecord;
	FileLocator locator = {0};
	char		skipped[sizeof(TransactionId)];

	record->nblocks = 0;
	record->main_length = 0;
	record->data = 0;
	while ((uint64) (last - heads) > record->data + record->main_length)
	{
		uint8		id;
		bool		good;

		if (!take(&heads, end, &id, sizeof(id)))
			return false;
		if (id == XLR_BLOCK_ID_DATA_SHORT || id == XLR_BLOCK_ID_DATA_LONG)
			return read_main_length(&heads, end, id, record);
		if (id == XLR_BLOCK_ID_ORIGIN)
			good = take(&heads, end, skipped, sizeof(RepOriginId));
		else if (id == XLR_BLOCK_ID_TOPLEVEL_XID)
			good = take(&heads, end, skipped, sizeof(TransactionId));
		else
			good = id <= XLR_MAX_BLOCK_ID &&
				record->nblocks <= XLR_MAX_BLOCK_ID &&
				read_block(&heads, end, id, wanted, &locator, record);
		if (!good)
			return false;
	}
	return true;
}

/* Can a record of this kind be of a table's pages? */
static bool
may_name_tables(const XLogRecord *head)
{
	return head->xl_rmid != RM_BTREE_ID && head->xl_rmid != RM_XACT_ID;
}

/* Are that many bytes in memory? */
static inline bool
in_window(const WalReader *reader, XLogRecPtr lsn, uint32 length)
{
	return lsn >= reader->start &&
		lsn - reader->start + length <= (uint64) reader->length;
}

/*
 * Find the record at a position and an address where it stands in memory, as
 * most do; false if it goes on in another page, or is not in memory.
 */
static bool
find_record(WalReader *reader, uint64 position, XLogRecPtr lsn,
			WalRecord *record)
{
	Size		rest = XLOG_BLCKSZ - lsn % XLOG_BLCKSZ;
	const char *bytes;

	if (rest < SizeOfXLogRecord)
		return false;
	if (!in_window(reader, lsn, SizeOfXLogRecord) &&
		(!read_window(reader, lsn) ||
		 !in_window(reader, lsn, SizeOfXLogRecord)))
		return false;
	bytes = reader->window + (lsn - reader->start);
	memcpy(&record->head, bytes, SizeOfXLogRecord);
	if (record->head.xl_tot_len < SizeOfXLogRecord ||
		record->head.xl_tot_len > rest ||
		!in_window(reader, lsn, record->head.xl_tot_len))
		return false;
	record->at = position;
	record->bytes = bytes;
	record->end = lsn + MAXALIGN(record->head.xl_tot_len);
	return true;
}

/* Put the heads of the record at a position together. */
static bool
copy_record(WalReader *reader, uint64 position, FileLocator wanted,
			WalRecord *record)
{
	char		heads[MOST_HEADS];
	int			head = SizeOfXLogRecord;
	int			few;
	int			most;

	if (!copy_bytes(reader, position, heads, head))
		return false;
	memcpy(&record->head, heads, head);
	if (record->head.xl_tot_len < SizeOfXLogRecord)
		return false;
	record->at = position;
	record->bytes = NULL;
	record->end = end_of(position + MAXALIGN(record->head.xl_tot_len));
	few = (int) Min(record->head.xl_tot_len, FEW_HEADS);
	if (!copy_bytes(reader, position + head, heads + head, few - head))
		return false;
	if (read_heads(heads + head, heads + few, wanted, record))
		return true;
	most = (int) Min(record->head.xl_tot_len, MOST_HEADS);
	return copy_bytes(reader, position + few, heads + few, most - few) &&
		read_heads(heads + head, heads + most, wanted, record);
}

/* Read the heads of the record at a position and an address. */
static bool
read_record(WalReader *reader, uint64 position, XLogRecPtr lsn,
			FileLocator wanted, WalRecord *record)
{
	if (!find_record(reader, position, lsn, record))
		return copy_record(reader, position, wanted, record);
	if (may_name_tables(&record->head))
		return read_heads(record->bytes + SizeOfXLogRecord,
						  record->bytes + record->head.xl_tot_len, wanted,
						  record);
	record->nblocks = 0;
	return true;
}

/* The first bytes of a record's main data. */
static bool
main_data(WalReader *reader, const WalRecord *record, void *to, Size length)
{
	if (record->main_length < length ||
		record->main_length > record->head.xl_tot_len)
		return false;
	if (record->bytes != NULL)
	{
		memcpy(to,
			   record->bytes + record->head.xl_tot_len - record->main_length,
			   length);
		return true;
	}
	return copy_bytes(reader,
					  record->at + record->head.xl_tot_len -
						  record->main_length,
					  to, (int) length);
}

/* ---- deeds ---- */

/* Blocks that nobody asks for are passed over. */
static bool
add_item(WalList *list, const WalRecord *record, BlockNumber block,
		 OffsetNumber offset, WalDeed deed)
{
	WalItem    *item;

	if (block >= list->nblocks)
		return true;
	if (list->nitems == list->room)
	{
		if (list->room >= MOST_ITEMS)
			return false;
		list->room = Max(1024, list->room * 2);
		list->items = list->items == NULL ?
			MemoryContextAllocHuge(CurrentMemoryContext,
								   sizeof(WalItem) * list->room) :
			repalloc_huge(list->items, sizeof(WalItem) * list->room);
	}
	if (list->nitems > 0 && block < list->items[list->nitems - 1].block)
		list->sorted = false;
	item = &list->items[list->nitems++];
	item->lsn = record->end;
	item->block = block;
	item->offset = offset;
	item->deed = deed;
	return true;
}

/* The record's block of a number, if it is the table's. */
static BlockNumber
block_of(const WalRecord *record, uint8 id)
{
	for (int i = 0; i < record->nblocks; i++)
		if (record->ids[i] == id)
			return record->blocks[i];
	return InvalidBlockNumber;
}

/* A record that changed one tuple of its block 0. */
static bool
add_one(WalReader *reader, const WalRecord *record, WalList *list, Size at,
		WalDeed deed)
{
	char		data[16];
	OffsetNumber offset;

	if (record->nblocks != 1 ||
		!main_data(reader, record, data, at + sizeof(offset)))
		return false;
	memcpy(&offset, data + at, sizeof(offset));
	return add_item(list, record, record->blocks[0], offset, deed);
}

/* An update: the new tuple is in block 0, the old one in block 1 or 0. */
static bool
add_update(WalReader *reader, const WalRecord *record, WalList *list)
{
	xl_heap_update data;
	BlockNumber new_block = block_of(record, 0);
	BlockNumber old_block = block_of(record, 1);

	if (!main_data(reader, record, &data, SizeOfHeapUpdate) ||
		new_block == InvalidBlockNumber)
		return false;
	if (old_block == InvalidBlockNumber)
		old_block = new_block;
	return add_item(list, record, old_block, data.old_offnum, WAL_MARKS) &&
		add_item(list, record, new_block, data.new_offnum, WAL_ADDS);
}

/* Many tuples of one page; of a new page they are the first ones. */
static bool
add_many(WalReader *reader, const WalRecord *record, WalList *list)
{
	char		 data[SizeOfHeapMultiInsert +
			  sizeof(OffsetNumber) * MaxHeapTuplesPerPage];
	bool		fresh = (record->head.xl_info & XLOG_HEAP_INIT_PAGE) != 0;
	uint16		ntuples;
	OffsetNumber offset;

	if (record->nblocks != 1 ||
		!main_data(reader, record, data, SizeOfHeapMultiInsert))
		return false;
	memcpy(&ntuples, data + offsetof(xl_heap_multi_insert, ntuples),
		   sizeof(ntuples));
	if (ntuples > MaxHeapTuplesPerPage)
		return false;
	if (!fresh &&
		!main_data(reader, record, data,
				   SizeOfHeapMultiInsert + sizeof(OffsetNumber) * ntuples))
		return false;
	for (int i = 0; i < ntuples; i++)
	{
		offset = FirstOffsetNumber + i;
		if (!fresh)
			memcpy(&offset,
				   data + SizeOfHeapMultiInsert + sizeof(OffsetNumber) * i,
				   sizeof(offset));
		if (!add_item(list, record, record->blocks[0], offset, WAL_ADDS))
			return false;
	}
	return true;
}

/* The same of all blocks of a record. */
static bool
add_blocks(const WalRecord *record, WalList *list, WalDeed deed)
{
	for (int i = 0; i < record->nblocks; i++)
		if (!add_item(list, record, record->blocks[i], InvalidOffsetNumber,
					  deed))
			return false;
	return true;
}

static bool
add_heap(WalReader *reader, const WalRecord *record, WalList *list)
{
	switch (record->head.xl_info & XLOG_HEAP_OPMASK)
	{
		case XLOG_HEAP_INSERT:
			return add_one(reader, record, list,
						   offsetof(xl_heap_insert, offnum), WAL_ADDS);
		case XLOG_HEAP_DELETE:
			return add_one(reader, record, list,
						   offsetof(xl_heap_delete, offnum), WAL_MARKS);
		case XLOG_HEAP_UPDATE:
		case XLOG_HEAP_HOT_UPDATE:
			return add_update(reader, record, list);
		case XLOG_HEAP_CONFIRM:
			return add_one(reader, record, list,
						   offsetof(xl_heap_confirm, offnum), WAL_MARKS);
		case XLOG_HEAP_LOCK:
			return add_one(reader, record, list,
						   offsetof(xl_heap_lock, offnum), WAL_MARKS);
		default:
			return add_blocks(record, list, WAL_ANYTHING);
	}
}

static bool
add_heap2(WalReader *reader, const WalRecord *record, WalList *list)
{
	switch (record->head.xl_info & XLOG_HEAP_OPMASK)
	{
		case 0x10:				/* to prune, to vacuum and to freeze, whose */
		case 0x20:				/* names differ between versions */
		case 0x30:
			return add_blocks(record, list, WAL_TIDIES);
		case XLOG_HEAP2_VISIBLE:
			return add_blocks(record, list, WAL_TOUCHES);
		case XLOG_HEAP2_MULTI_INSERT:
			return add_many(reader, record, list);
		case XLOG_HEAP2_LOCK_UPDATED:
			return add_one(reader, record, list,
						   offsetof(xl_heap_lock_updated, offnum), WAL_MARKS);
		default:
			return add_blocks(record, list, WAL_ANYTHING);
	}
}

/* A file that was made or cut: if it is the table's, look at all pages. */
static bool
same_file_survives(WalReader *reader, const WalRecord *record,
				   FileLocator wanted)
{
	xl_smgr_truncate cut;
	xl_smgr_create made;

	switch (record->head.xl_info & ~XLR_INFO_MASK)
	{
		case XLOG_SMGR_TRUNCATE:
			return main_data(reader, record, &cut, sizeof(cut)) &&
				memcmp(&truncate_locator(&cut), &wanted, sizeof(wanted)) != 0;
		case XLOG_SMGR_CREATE:
			return main_data(reader, record, &made, sizeof(made)) &&
				(memcmp(&create_locator(&made), &wanted, sizeof(wanted)) !=
					 0 ||
				 made.forkNum != MAIN_FORKNUM);
		default:
			return false;
	}
}

/* Records of the log about itself. */
static bool
add_xlog(const WalRecord *record, WalList *list)
{
	switch (record->head.xl_info & ~XLR_INFO_MASK)
	{
		case XLOG_FPI_FOR_HINT:
			return add_blocks(record, list, WAL_TIDIES);
		case XLOG_FPI:
			return add_blocks(record, list, WAL_ANYTHING);
		case XLOG_PARAMETER_CHANGE:
		case XLOG_END_OF_RECOVERY:
		case XLOG_OVERWRITE_CONTRECORD:
			return false;
		default:
			return true;
	}
}

/* List what a record did; false if that cannot be told. */
static bool
add_record(WalReader *reader, const WalRecord *record, FileLocator wanted,
		   WalList *list)
{
	if (record->head.xl_rmid == RM_SMGR_ID)
		return same_file_survives(reader, record, wanted);
	if (record->head.xl_rmid == RM_XLOG_ID)
		return add_xlog(record, list);
	if (record->nblocks == 0)
		return true;
	if (record->head.xl_rmid == RM_HEAP_ID)
		return add_heap(reader, record, list);
	if (record->head.xl_rmid == RM_HEAP2_ID)
		return add_heap2(reader, record, list);
	return add_blocks(record, list, WAL_ANYTHING);
}

/* ---- the list ---- */

/* Sort by one digit of the block's number, those of a digit as they were. */
static void
sort_by_digit(const WalItem *from, WalItem *to, int nitems, int shift)
{
	int			starts[1 << DIGIT_BITS] = {0};
	int			total = 0;

	for (int i = 0; i < nitems; i++)
		starts[(from[i].block >> shift) & DIGIT_MASK]++;
	for (int i = 0; i <= DIGIT_MASK; i++)
	{
		int			count = starts[i];

		starts[i] = total;
		total += count;
	}
	for (int i = 0; i < nitems; i++)
		to[starts[(from[i].block >> shift) & DIGIT_MASK]++] = from[i];
}

/* By block, and within a block as they were. */
static void
sort_items(WalList *list)
{
	BlockNumber highest = 0;
	WalItem    *other;

	if (list->sorted)
		return;
	for (int i = 0; i < list->nitems; i++)
		highest = Max(highest, list->items[i].block);
	other = MemoryContextAllocHuge(CurrentMemoryContext,
								   sizeof(WalItem) * list->nitems);
	for (int shift = 0; shift < 32 && highest >> shift > 0;
		 shift += DIGIT_BITS)
	{
		WalItem    *sorted = other;

		sort_by_digit(list->items, sorted, list->nitems, shift);
		other = list->items;
		list->items = sorted;
	}
	list->room = list->nitems;
	pfree(other);
}

/* Where the record after this one is; a switch fills its segment. */
static uint64
next_record(const WalRecord *record)
{
	uint64		next = record->at + MAXALIGN(record->head.xl_tot_len);

	if (record->head.xl_rmid == RM_XLOG_ID &&
		(record->head.xl_info & ~XLR_INFO_MASK) == XLOG_SWITCH &&
		next % SEGMENT_BYTES != 0)
		next += SEGMENT_BYTES - next % SEGMENT_BYTES;
	return next;
}

/* Its address; mostly it follows in the same page. */
static XLogRecPtr
next_start(const WalRecord *record, uint64 next)
{
	if (record->bytes != NULL && record->end % XLOG_BLCKSZ != 0 &&
		next - record->at == MAXALIGN(record->head.xl_tot_len))
		return record->end;
	return start_of(next);
}

static const char *
read_records(WalReader *reader, FileLocator wanted, uint64 position,
			 uint64 end, uint64 effort, WalList *list)
{
	XLogRecPtr	before = InvalidXLogRecPtr;
	XLogRecPtr	start = start_of(position);
	uint64		first = position;
	WalRecord	record;

	for (uint64 n = 0; position < end; n++)
	{
		if (n + (position - first) / XLOG_BLCKSZ > effort)
			return "the log since the last time is long";
		if (!read_record(reader, position, start, wanted, &record))
			return "the log since the last time is not at hand";
		if (before != InvalidXLogRecPtr ? record.head.xl_prev != before :
										  record.head.xl_prev >= start)
			return "the log since the last time is broken";
		if (!add_record(reader, &record, wanted, list))
			return "the log tells of more than pages";
		before = start;
		position = next_record(&record);
		start = next_start(&record, position);
	}
	return position == end ? NULL : "the log since the last time is broken";
}

const char *
wal_list(FileLocator locator, TimeLineID timeline, XLogRecPtr from,
		 XLogRecPtr upto, BlockNumber nblocks, uint64 effort, WalList *list)
{
	WalReader  *reader = palloc(sizeof(WalReader));
	uint64		position = position_of(from);
	uint64		end = position_of(upto);
	const char *reason;

	reader->timeline = timeline;
	reader->first = start_of(position) / wal_segment_size;
	reader->fd = -1;
	reader->start = start_of(position);
	reader->length = 0;
	reader->limit = end_of(end);
	list->items = NULL;
	list->nitems = list->room = 0;
	list->nblocks = nblocks;
	list->sorted = true;
	list->bytes = upto - from;
	reason = read_records(reader, locator, position, end, effort, list);
	if (reader->fd >= 0)
		CloseTransientFile(reader->fd);
	if (reason == NULL && XLogGetLastRemovedSegno() >= reader->first)
		reason = "the log since the last time is not at hand";
	if (reason == NULL)
		sort_items(list);
	else if (list->items != NULL)
		pfree(list->items);
	pfree(reader);
	return reason;
}
