# Makefile: the build proper, plain PGXS.
#
#   make                        build spine.so and the install script
#   make install DESTDIR=...    install them
#   make installcheck           test what is installed, on the server of PG*
#
# GNUmakefile adds check, demo, lint, matrix and the other developer targets.

EXTENSION  = spine
EXTVERSION = 1.0

# The rooms in the order in which their SQL parts are concatenated.
ROOMS = base catalog audit registry ownership consistency worker

PG_CONFIG ?= pg_config

# --- the module ----------------------------------------------------------
MODULE_big = spine
SOURCES = $(sort $(filter-out src/cli/% src/ui/% src/registry/engine_alone.c, \
	$(wildcard src/spine.c src/*/*.c src/*/*/*.c)))
ALL_HEADERS = $(wildcard src/*.h src/*/*.h src/*/*/*.h)
OBJS = $(SOURCES:.c=.o)
PG_CPPFLAGS = -Isrc -I$(shell $(PG_CONFIG) --includedir) \
	-DSPINE_VERSION='"$(EXTVERSION)"'
# libpq: to compare with what other servers hold.
SHLIB_LINK += -Wl,--version-script=src/spine.map \
	-L$(shell $(PG_CONFIG) --libdir) -lpq

# The server's flags and headers suit the compiler that built it; clang does not
# know all of what gcc knows.
PG_CFLAGS += $(if $(findstring clang,$(CC)),-Wno-unknown-warning-option \
	-Wno-ignored-optimization-argument -Wno-ignored-attributes)

# SPINE_DEV=1: what the tests build with.  All warnings are errors (unused
# parameters excepted, which the signatures of callbacks demand, and the
# server's own headers excepted), and no bitcode, which takes most of the time.
# A release build has neither: a new compiler must not break packagers.
ifdef SPINE_DEV
PG_CPPFLAGS += -isystem $(shell $(PG_CONFIG) --includedir-server)
PG_CFLAGS += -Wall -Wextra -Wno-unused-parameter -Werror
override with_llvm = no
endif

# --- SQL and documents ---------------------------------------------------
SQL_PARTS = sql/header.sql \
	$(foreach room,$(ROOMS),$(sort $(wildcard sql/$(room)/*.sql)))
DATA_built = $(EXTENSION)--$(EXTVERSION).sql
# Upgrade scripts, and the install scripts of released versions, frozen.
DATA = $(wildcard sql/updates/*.sql sql/releases/*.sql)
DOCS = CHANGELOG.md LICENSE \
	$(wildcard README.md docs/*.md docs/*.json)

# --- tests ---------------------------------------------------------------
REGRESS      = $(sort $(basename $(notdir $(wildcard test/sql/*.sql))))
ISOLATION    = $(sort $(basename $(notdir $(wildcard test/specs/*.spec))))
# The suites have a runner of their own, see the rule below.
NO_INSTALLCHECK = 1

EXTRA_CLEAN = build results output_iso regression.diffs regression.out \
	tmp_check $(SOURCES:.c=.d)

PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

# Documents under a directory of our own: README.md is everybody's name.
docmoduledir := spine

uninstall: uninstall-docs
.PHONY: uninstall-docs
uninstall-docs:
	rm -rf '$(DESTDIR)$(docdir)/$(docmoduledir)'

# Debian's PGXS tracks no headers.  The compiler writes down what an object
# includes; bitcode, which it says nothing of, follows every header.
override CFLAGS += -MMD -MP
-include $(SOURCES:.c=.d)
$(OBJS:.o=.bc): $(ALL_HEADERS)
$(OBJS): Makefile
# What runs for each row of a digest.  A hash is two numbers, which gcc would
# else put together in memory just to store both at once.
$(addprefix src/consistency/,rows/row_walk.o digest/walk.o rows/canonical_json.o): \
	override CFLAGS += -fomit-frame-pointer $(if $(findstring clang,$(CC)),,\
		-fno-tree-slp-vectorize)
$(shlib): src/spine.map

# awk rather than cat: a part that lacks its last newline gets one.  The
# directories: a part that is gone makes nothing else newer.
$(DATA_built): $(SQL_PARTS) $(sort $(dir $(SQL_PARTS))) Makefile
	awk 1 $(SQL_PARTS) > $@

# Each regress test in a database of its own, so that it says the same alone
# and among others; dev/suites.sh tells how.
.PHONY: installcheck
installcheck:
	PG_CONFIG='$(PG_CONFIG)' dev/suites.sh regress isolation
