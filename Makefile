# wasmqtt: every build and every check. `make help` prints the targets from the `##` comments beside them. C objects are
# built in flavours: build/native (release), build/test (ASan and UBSan), build/strict (clang, for lint), build/wasm
# (Emscripten). What users take is in dist/.

CC      := gcc
CLANG   := clang-14
FORMAT  := clang-format-14
# Debian's emcc runs scripts that look for Debian's node modules, which another Node does not find by itself.
EMCC    := NODE_PATH=/usr/share/nodejs:$(NODE_PATH) emcc

# Tools that setup.sh or npm put into the tree come before the system's.
export PATH := $(CURDIR)/build/node/bin:$(CURDIR)/node_modules/.bin:$(PATH)
MAKEFLAGS   += --no-builtin-rules $(if $(filter 0,$(MAKELEVEL)),--jobs=$(shell nproc))
# One short line a file made; V=1 shows the commands.
Q    := $(if $(V),,@)
SAY   = $(if $(V),:,printf '%-8s%s\n' $(1) $@)
.SUFFIXES .DELETE_ON_ERROR .SECONDARY:
.PHONY: all dist lib test fuzz size bench bench-native setup lint lint-c lint-js spec format providers demo cloud-sim clean help

# ---------------------------------------------------------------------------------------------------- sources
CORE_C    := $(wildcard src/*.c src/codec/*.c src/client/*.c src/provider/*.c)
HOST_C    := $(wildcard src/native/*.c)
FLEET_C   := $(wildcard examples/fleet/*.c)
GATEWAY_C := $(wildcard examples/gateway/*.c)
VECTORS_C := $(wildcard tests/vectors/*.c)
FUZZ_C    := $(wildcard tests/fuzz/*_fuzz.c)
MODEL_C   := $(wildcard tests/model/*.c)
TESTS_C   := $(wildcard tests/unit/*_test.c tests/net/*.c tests/provider/*.c tests/bench/*.c)
ALL_C     := $(CORE_C) $(HOST_C) $(FLEET_C) $(GATEWAY_C) $(VECTORS_C) $(FUZZ_C) $(MODEL_C) $(TESTS_C)
C_FILES   := $(ALL_C) $(wildcard src/*.h src/*/*.h wasm/*.[ch] examples/*/*.h tests/*/*.h tests/bench/page/*.c)
WEB_FILES := $(shell find web/client web/providers web/dashboard -type f 2>/dev/null) $(wildcard wasm/*.js)

# ---------------------------------------------------------------------------------------------------- flags
WARNINGS := -Wall -Wextra -Wconversion -Wsign-conversion -Wshadow -Wundef -Wvla -Wstrict-prototypes \
            -Wmissing-prototypes -Wpointer-arith -Wcast-align -Werror
CFLAGS   := -std=c11 $(WARNINGS) -Isrc -MMD -MP
POSIX    := -D_POSIX_C_SOURCE=200809L
RELEASE  := -O2 -g
CHECKED  := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
FUZZED   := -O1 -g -fno-omit-frame-pointer -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all
HOST_LIBS := -lwslay -lssl -lcrypto -lm

# The features that every engine with WebAssembly SIMD's predecessors has; wasm-opt must be told the same ones.
WASM_FEATURES := -mbulk-memory -mmutable-globals -msign-ext -mnontrapping-fptoint
WASM_OPT_FEATURES := --enable-bulk-memory --enable-mutable-globals --enable-sign-ext --enable-nontrapping-float-to-int
# TOTAL_STACK is STACK_SIZE's name in Emscripten 3.1.6; newer ones know both. The host grows the memory, so it starts
# small: a page above what static data and the stack take, 252 KiB in providers.wasm.
WASM_LINK := --no-entry -sMALLOC=none -sALLOW_MEMORY_GROWTH=1 -sINITIAL_MEMORY=327680 -sTOTAL_STACK=65536 \
             -sFILESYSTEM=0 --js-library wasm/library_webcrypto.js

NATIVE_O = $(patsubst %.c,build/native/%.o,$(1))
TEST_O   = $(patsubst %.c,build/test/%.o,$(1))

# ---------------------------------------------------------------------------------------------------- what to build
UNIT   := $(patsubst tests/unit/%.c,build/test/%,$(filter tests/unit/%,$(TESTS_C)))
NET    := $(patsubst tests/net/%.c,build/test/%,$(filter tests/net/%,$(TESTS_C)))
PROVIDER := $(patsubst tests/provider/%.c,build/test/%,$(filter tests/provider/%,$(TESTS_C)))
FUZZ   := $(patsubst tests/fuzz/%.c,build/fuzz/%,$(FUZZ_C))
LIB_JS := dist/wasmqtt.js dist/wasmqtt.single.js dist/worker.js dist/providers.js dist/providers.single.js
WASM   := dist/wasmqtt.wasm dist/providers.wasm
TYPES  := dist/wasmqtt.d.ts dist/providers.d.ts
DASH   := dist/dashboard.html dist/dashboard/index.html

all: dist build/libwasmqtt.a build/native/fleet build/native/gateway ## build everything that users take (the default)
dist: $(WASM) $(LIB_JS) $(TYPES) $(DASH) ## the wasm modules, its JavaScript, the dashboard: dist/
lib: build/libwasmqtt.a ## the C core as a native library: build/libwasmqtt.a

build/libwasmqtt.a: $(call NATIVE_O,$(CORE_C))
build/native/libhost.a: $(call NATIVE_O,$(HOST_C))
build/test/libwasmqtt.a: $(call TEST_O,$(CORE_C))
build/test/libhost.a: $(call TEST_O,$(HOST_C))
build/fuzz/libwasmqtt.a: $(patsubst %.c,build/fuzz/%.o,$(CORE_C))
%.a:
	@mkdir -p $(@D); rm -f $@; $(call SAY,AR)
	$(Q)ar rcs $@ $^

build/native/fleet: $(call NATIVE_O,$(FLEET_C))
build/native/gateway: $(call NATIVE_O,$(GATEWAY_C))
build/native/bench: $(call NATIVE_O,tests/bench/native.c)
build/native/load: $(call NATIVE_O,tests/bench/load.c)
build/native/fleet build/native/gateway build/native/bench build/native/load: build/native/libhost.a build/libwasmqtt.a
	@$(call SAY,LINK)
	$(Q)$(CC) $(RELEASE) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(HOST_LIBS)

# The host needs the core, and the core's providers need the host's cryptography: hence a group.
TEST_LIBS := build/test/libhost.a build/test/libwasmqtt.a
build/test/model_test: $(call TEST_O,$(MODEL_C))
$(UNIT): build/test/%: build/test/tests/unit/%.o $(TEST_LIBS)
$(NET): build/test/%: build/test/tests/net/%.o $(TEST_LIBS)
$(PROVIDER): build/test/%: build/test/tests/provider/%.o $(TEST_LIBS)
build/test/vectors: $(call TEST_O,$(VECTORS_C)) $(TEST_LIBS)
build/test/gateway: $(call TEST_O,$(GATEWAY_C)) $(TEST_LIBS)
$(UNIT) $(NET) $(PROVIDER) build/test/vectors build/test/gateway:
	@$(call SAY,LINK)
	$(Q)$(CC) $(CHECKED) -o $@ -Wl,--start-group $^ -Wl,--end-group $(HOST_LIBS)

# POSIX is for hosts and tests; the core must do without.
$(patsubst %.c,build/%.o,$(foreach f,native test strict fuzz,$(addprefix $(f)/,$(filter-out $(CORE_C),$(ALL_C))))): CFLAGS += $(POSIX)

# $(1): flavour; $(2): the variable with the compiler; $(3): its flags
define COMPILE
build/$(1)/%.o: %.c Makefile
	@mkdir -p $$(@D); $$(call SAY,$(2))
	$$(Q)$$($(2)) $$(CFLAGS) $(3) -c -o $$@ $$<

endef
$(eval $(call COMPILE,native,CC,$(RELEASE)))
$(eval $(call COMPILE,test,CC,$(CHECKED)))
$(eval $(call COMPILE,strict,CLANG,-O1))
$(eval $(call COMPILE,fuzz,CLANG,$(FUZZED)))
$(eval $(call COMPILE,wasm,EMCC,$$(if $$(filter $$*,$$(WASM_FAST)),-O3,-Oz) -flto $(WASM_FEATURES)))

build/fuzz/model_fuzz: $(patsubst %.c,build/fuzz/%.o,$(MODEL_C))
$(FUZZ): build/fuzz/%: build/fuzz/tests/fuzz/%.o build/fuzz/libwasmqtt.a
	@$(call SAY,LINK)
	$(Q)$(CLANG) $(FUZZED) -o $@ -Wl,--start-group $^ -Wl,--end-group

# Fast what runs for every message, small the rest. Each of these files slows a case of tests/bench if it is small.
WASM_FAST := $(patsubst %,src/codec/%,bytes frame packet_ack packet_publish parts prop topic) wasm/wasmqtt_shim \
             $(patsubst %,src/client/%,cells inbound input intern outbox output publish receive record time)

-include $(wildcard $(foreach f,native test strict fuzz wasm,$(patsubst %.c,build/$(f)/%.d,$(ALL_C) $(wildcard wasm/*.c))))

# ---------------------------------------------------------------------------------------------------- wasm
# Emscripten adds exports of its own, which differ from version to version; metadce keeps what the reviewed lists name.
# Linked a second time, a module tells its layout, which JavaScript is built with.
WASM_NEEDS := $(patsubst %.c,build/wasm/%.o,$(CORE_C)) wasm/library_webcrypto.js web/layout.js tests/tools/wasm-lists.js
WASM_LEVEL = $(if $(filter wasmqtt,$*),-O3,-Oz)
build/wasm/%.linked.wasm build/gen/%_layout.js: build/wasm/wasm/%_shim.o wasm/%_exports.txt $(WASM_NEEDS)
	@$(call SAY,EMCC)
	$(Q)link() { $(EMCC) $$2 -flto $(WASM_FEATURES) $(WASM_LINK) -o build/wasm/$*.$$1.wasm $(filter %.o,$^) \
	  -sEXPORTED_FUNCTIONS=$$(node tests/tools/wasm-lists.js $$1 $* | paste -sd,); }; \
	  link linked $(WASM_LEVEL) && link layout -O0 && node web/layout.js read $*

dist/%.wasm: build/wasm/%.linked.wasm build/gen/%_layout.js
	@$(call SAY,WASM)
	$(Q)mkdir -p $(@D) && node tests/tools/wasm-lists.js graph $* > build/wasm/$*.json
	$(Q)wasm-metadce $< $(WASM_OPT_FEATURES) --graph-file=build/wasm/$*.json -o build/wasm/$*.kept.wasm > build/wasm/$*.log
	$(Q)wasm-opt $(WASM_LEVEL) $(WASM_OPT_FEATURES) --strip-debug --strip-producers build/wasm/$*.kept.wasm -o build/wasm/$*.small.wasm
	$(Q)node web/layout.js mark $*

# The same bindings as an ES module, for our own loader.
build/gen/webcrypto.js: wasm/library_webcrypto.js web/build.js node_modules/.package-lock.json
	@$(call SAY,JS)
	$(Q)node web/build.js webcrypto

# ---------------------------------------------------------------------------------------------------- JavaScript
node_modules/.package-lock.json: package-lock.json
	npm ci --ignore-scripts --no-audit --no-fund
	@touch $@

# Packages of their own: the vendors' SDKs for the IoT services' stand-ins, and a client that benchmarks compare with.
CLOUDS := tests/clouds/node_modules/.package-lock.json
PEERS  := tests/bench/node_modules/.package-lock.json
$(CLOUDS) $(PEERS): %/node_modules/.package-lock.json: %/package-lock.json
	npm ci --prefix $* --ignore-scripts --no-audit --no-fund --loglevel error
	@touch $@

WEB_DEPS := web/build.js web/csp.js web/private_names.js build/gen/webcrypto.js $(WASM) node_modules/.package-lock.json

# $(1): what web/build.js makes; $(2): the files; $(3): what it needs besides
define BUNDLE
$(2) &: $$(WEB_FILES) $$(WEB_DEPS) $(3)
	@$$(call SAY,JS)
	$$(Q)node web/build.js $(1)

endef
$(eval $(call BUNDLE,library,$(LIB_JS)))
$(eval $(call BUNDLE,dashboard,$(DASH),dist/worker.js))
$(eval $(call BUNDLE,types,$(TYPES),tsconfig.json))

# ---------------------------------------------------------------------------------------------------- tests
SUITE  := lint tools unit vectors fuzz wasm client provider clouds interop dashboard net browser
CHOSEN := $(shell echo $(SUITE) | tr , ' ')
NEED_lint    := build/gen/webcrypto.js $(TYPES) $(CLOUDS)
NEED_tools   := $(LIB_JS) $(TYPES) $(PEERS) build/bench/walk.wasm
NEED_unit    := $(UNIT)
NEED_fuzz    := $(FUZZ)
NEED_vectors := build/test/vectors dist/wasmqtt.wasm build/gen/webcrypto.js
NEED_wasm    := $(WASM) build/gen/webcrypto.js $(LIB_JS) $(DASH)
NEED_client  := $(LIB_JS)
NEED_provider := $(PROVIDER)
NEED_clouds  := $(CLOUDS) $(WASM) build/gen/webcrypto.js node_modules/.package-lock.json
NEED_interop := dist/wasmqtt.wasm node_modules/.package-lock.json
NEED_dashboard := $(LIB_JS)
NEED_net     := $(NET) build/native/fleet build/test/gateway $(DASH) $(WASM) $(CLOUDS)
NEED_browser := $(LIB_JS) $(DASH) $(WASM) $(CLOUDS) build/native/fleet build/test/gateway

test: ## set up what is missing, build, run every suite; SUITE=unit,client chooses
	@tests/tools/setup.sh test
	@$(MAKE) --no-print-directory $(sort $(foreach s,$(CHOSEN),$(NEED_$(s))))
	@node tests/tools/run.js $(CHOSEN)

fuzz: $(FUZZ) ## let each fuzz target look for new inputs; SECONDS=600
	for target in $(FUZZ); do mkdir -p $$target.corpus && $$target -max_total_time=$(or $(SECONDS),60) $$target.corpus || exit 1; done

providers: $(WASM) build/gen/webcrypto.js ## the page that compares the services: web/docs/providers.md
	node web/docs/providers.js && prettier --write --log-level warn web/docs

size: dist ## what users load, in bytes, and what the providers and SmartREST take of it
	@LINK='$(EMCC) -Oz -flto $(WASM_FEATURES) $(WASM_LINK)' node tests/tools/sizes.js

bench: dist $(PEERS) build/native/load build/bench/walk.wasm ## speed in Chromium and Firefox, beside other clients; BENCH='cost chromium out' chooses
	@node tests/bench/bench.js $(BENCH)
build/bench/walk.wasm: tests/bench/page/walk.c Makefile
	$(Q)mkdir -p $(@D) && $(EMCC) -O3 $(WARNINGS) --no-entry -Wl,--export-dynamic $< -o $@
bench-native: build/native/bench ## what the C core alone costs: messages a second, instructions a message
	@node tests/bench/native.js

setup: ## install what `make test` needs (Debian 12), or say what is missing
	@tests/tools/setup.sh test

lint: lint-c lint-js ## formatting, warnings as errors, static checks, layering, types
# Leaks are LeakSanitizer's business: cppcheck does not see a struct own memory.
lint-c: $(patsubst %.c,build/strict/%.o,$(ALL_C)) $(call NATIVE_O,$(ALL_C))
	$(Q)$(FORMAT) --dry-run -Werror $(C_FILES)
	$(Q)cppcheck --quiet --error-exitcode=1 --std=c11 --enable=warning,portability,performance --inline-suppr \
	  --suppress=missingIncludeSystem --suppress=memleak -Isrc $(CORE_C) $(HOST_C) $(FLEET_C) $(GATEWAY_C)

lint-js: $(NEED_lint)
	node tests/tools/layering.js
	prettier --check --log-level warn .
	eslint --max-warnings 0 .
	tsc --noEmit

spec: ## each statement of the specifications: the code that obeys it, the tests of it, or why it is no client's
	@node tests/tools/spec.js

format: node_modules/.package-lock.json ## put C, JavaScript, CSS and Markdown into the house's form
	$(FORMAT) -i $(C_FILES)
	prettier --write --log-level warn .

# ---------------------------------------------------------------------------------------------------- demo, house-keeping
demo: ## broker, web server, dashboard and a fleet of devices; PORT=9090 DEVICES=500 TLS=1
	@tests/tools/setup.sh demo
	@$(MAKE) --no-print-directory dist build/native/fleet
	@exec node examples/demo/run.js

cloud-sim: ## stand-ins of the IoT services, and what to fill in on the connect form for each; PORT=9800
	@tests/tools/setup.sh demo
	@$(MAKE) --silent $(CLOUDS)
	@exec node tests/clouds/sim.js

clean: ## remove what was built (an own Node in build/node stays)
	rm -rf dist; [ ! -d build ] || find build -mindepth 1 -maxdepth 1 ! -name node -exec rm -rf {} +

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(firstword $(MAKEFILE_LIST)) | sort | \
	  while IFS='	' read -r target text; do printf 'make %-9s %s\n' "$$target" "$$text"; done
