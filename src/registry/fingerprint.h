/*-------------------------------------------------------------------------
 *
 * fingerprint.h
 *		Fingerprints of canonical forms.
 *
 *-------------------------------------------------------------------------
 */
#ifndef REGISTRY_FINGERPRINT_H
#define REGISTRY_FINGERPRINT_H

/* CRC-64-AVRO, the Rabin fingerprint of Avro's specification. */
extern uint64 fingerprint_crc64(const char *data, size_t length);

/*
 * By the name of an algorithm, in any case; 22023 if there is none of that
 * name.  crc-64-avro has the most significant byte first, as numbers are
 * written; crc-64-avro-le the least, as single-object encoding has it.
 */
extern bytea *fingerprint_by_name(const char *algorithm, const char *data,
								  size_t length);

#endif /* REGISTRY_FINGERPRINT_H */
