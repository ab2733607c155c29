# A thin front over Meson and Ninja. `make run` and `make test` work on a fresh Debian 12 that has only
# make and root (or sudo): tools/deps installs what is missing.
BUILD ?= build
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
FUZZ_SECONDS ?= 600

PREFIX ?= /usr/local
COMPAT ?= no

.PHONY: all run cluster test check fuzz bench format clean install deps-build deps-test deps-bench

all: deps-build $(BUILD)/build.ninja
	@ninja -C $(BUILD) -j$(JOBS) --quiet

$(BUILD)/build.ninja:
	@meson setup $(BUILD) -Dlto=true

deps-build deps-test deps-bench: deps-%:
	@tools/deps $*

# The order below is a promise: no configuring before the packages are there.
$(BUILD)/build.ninja: | deps-build

run: all
	@exec $(BUILD)/rookery-server

cluster: all
	@exec tools/cluster

test: deps-test all
	@tools/test-all --build $(BUILD) --jobs $(JOBS)

check: deps-test all
	@tools/test-all --build $(BUILD) --jobs $(JOBS) --fast

fuzz: deps-test
	@tools/fuzz-all --jobs $(JOBS) --seconds $(FUZZ_SECONDS)

bench: deps-bench all
	@bench/run-all && bench/ensemble && exec bench/client/run

# Programs, librookery with headers and pkg-config file, man pages; COMPAT=yes: also under the names
# libzookeeper_mt.so.2 and libzookeeper_st.so.2.
install: all
	@meson configure $(BUILD) -Dprefix=$(PREFIX) -Dcompat=$(if $(filter yes,$(COMPAT)),true,false)
	@meson install -C $(BUILD) --quiet $(if $(DESTDIR),--destdir $(DESTDIR))
	@$(if $(DESTDIR),true,ldconfig)

format: deps-test
	@tools/format --fix

clean:
	@rm -rf $(BUILD) build-asan build-tsan build-fuzz
