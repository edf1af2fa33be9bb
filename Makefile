# `make demo` and `make test` work on a fresh machine. The other targets are for development.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: demo test slow lab clients engines buckets lint docs format sizes notebooks bench bench-stream bench-int8 bench-significance bench-distillation bench-quality bench-suspects bench-panel bench-serving bench-integrations bench-redaction bench-cluster bench-web picture clean

demo: $(VENV)/ready ## environment, then train, score and tag on the bundled corpus
	$(BIN)/nerine demo

test: $(VENV)/ready ## environment, then the quick tests in two processes
	$(BIN)/pytest --numprocesses 2 --dist worksteal

slow: $(VENV)/ready ## tests that train on real data
	$(BIN)/pytest -m slow --timeout 3600

lab: $(VENV)/lab ## the tutorials in JupyterLab
	$(BIN)/jupyter lab docs/tutorials

$(VENV)/lab: $(VENV)/ready
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[notebook]'
	touch $@

clients: build/clients/label-studio build/clients/kserve build/clients/eland build/clients/presidio-evaluator ## programs that slow tests compare with, or whose clients ask the server

build/clients/%:
	$(PYTHON) -m venv $@
	$@/bin/pip install --quiet $($*) || (rm -rf $@; false)

label-studio := label-studio==1.23.2
kserve := kserve==0.21.0
eland := eland==9.2.0 torch 'transformers[sentencepiece]<5' 'sentence-transformers<6' tqdm
presidio-evaluator := presidio-evaluator==0.3.2

engines: build/engines/ready ## tests with Ray and Spark, in an environment with both
	build/engines/bin/pytest $(ENGINE_TESTS) -m 'slow or not slow' --timeout 1800

buckets: build/buckets/ready ## tests with a web server and a server of S3's protocol, in an environment with s3fs
	build/buckets/bin/pytest tests/serving/test_files_remote.py

build/buckets/ready: pyproject.toml # without the constraints, which s3fs does not fit
	$(PYTHON) -m venv build/buckets
	build/buckets/bin/pip install --quiet --editable . aiohttp hypothesis 'moto[server,s3]' pyarrow pytest pytest-timeout s3fs
	touch $@

ENGINE_TESTS := tests/serving/test_columns.py tests/serving/test_ray.py tests/serving/test_ray_driver.py tests/serving/test_spark.py tests/serving/test_spark_files.py tests/training/test_ray_team.py tests/docs/test_engines.py

build/engines/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv build/engines
	build/engines/bin/pip install --quiet --constraint constraints.txt --editable '.[train,tune,datasets,ray,spark]' 'pyspark[connect]' hypothesis pytest pytest-timeout
	touch $@

lint: $(VENV)/ready ## style and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

docs: $(VENV)/ready ## the manual, in build/docs; a warning is an error
	$(BIN)/sphinx-build --fresh-env --nitpicky --fail-on-warning --keep-going --quiet docs build/docs
	@touch build/docs/.complete
	@echo "open build/docs/index.html"

notebooks: $(VENV)/ready ## run the tutorials and save their outputs; 10 minutes
	$(BIN)/python -m tools.notebooks run

format: $(VENV)/ready
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

sizes: $(VENV)/ready ## files, code lines, functions and imports of each room; AGAINST=PATH compares
	$(BIN)/python -m tools.sizes $(if $(AGAINST),--against $(AGAINST))

bench: $(VENV)/ready ## speeds against named peers; about an hour on two cores
	$(BIN)/python -m bench.tagging
	$(BIN)/python -m bench.training
	$(BIN)/python -m bench.minutes
	$(BIN)/python -m bench.scoring

bench-stream: $(VENV)/ready ## a million texts through `nerine tag`, and cost against size; an hour
	$(BIN)/python -m bench.stream $(CHECKPOINT)
	$(BIN)/python -m bench.sizes $(CHECKPOINT)

bench-int8: $(VENV)/ready ## F1 of the same checkpoints in 8 bits, and fp32 in ONNX against PyTorch
	$(BIN)/python -m bench.int8 $(CHECKPOINT)

bench-significance: $(VENV)/ready ## coverage of intervals, false positive rates of tests; about 10 minutes
	$(BIN)/python -m bench.significance

bench-distillation: $(VENV)/ready ## three students of one teacher on WNUT 17; about 40 minutes on two cores
	$(BIN)/python -m bench.distillation

bench-quality: $(VENV)/ready ## test F1 on WNUT 17 over three seeds; about 75 minutes on two cores
	$(BIN)/python -m bench.quality

bench-suspects: $(VENV)/ready ## share of deliberately corrupted labels of WNUT 17 that are found; 15 minutes
	$(BIN)/python -m bench.suspects

bench-panel: $(VENV)/ready ## the default recipe and its peers on five corpora, resumable; hours on two cores
	$(BIN)/python -m bench.panel

bench-serving: $(VENV)/ready ## `nerine serve` under load, against servers around the pipeline; hours on two cores
	$(BIN)/python -m bench.serving $(CHECKPOINT)

bench-integrations: $(VENV)/ready ## inside spaCy and Presidio, against wrappers around the pipeline; 4 minutes
	$(BIN)/python -m bench.integrations $(CHECKPOINT)

bench-redaction: $(VENV)/ready ## redaction of 10,000 tweets: what is left, and what its interval holds; 3 minutes
	$(BIN)/python -m bench.redaction $(CHECKPOINT)

bench-cluster: build/engines/ready ## tagging on clusters of Ray on this machine, and on a simulated one; two hours, resumable
	build/engines/bin/python -m bench.cluster $(CHECKPOINT) --store build/cluster.jsonl
	build/engines/bin/python -m bench.cluster_sim

bench-web: $(VENV)/ready build/web-packages/ready ## the folder for the web in Node and Chromium against Python; 5 minutes
	$(BIN)/python -m bench.web $(CHECKPOINT)

build/web-packages/ready: bench/web/package.json bench/web/package-lock.json # needs Node and npm
	mkdir -p $(@D)
	cp $^ $(@D)
	npm ci --prefix $(@D) --ignore-scripts --no-audit --no-fund
	touch $@

picture: $(VENV)/ready ## docs/pictures/, from real runs with the checkpoint of `make demo`
	$(BIN)/python -m tools.picture $(or $(CHECKPOINT),runs/demo)

clean:
	rm -rf $(VENV) build .mypy_cache .pytest_cache .ruff_cache .hypothesis

# Made again when the dependencies change. The constraints pin the tested versions; on Linux they
# include the CPU build of torch if pip finds it (see docs/install.md).
$(VENV)/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt --upgrade pip
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[train,serve,demo,datasets,spacy,presidio,sklearn,redact,tune,lora]' --group dev
	touch $@
