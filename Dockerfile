# Weir for the large size: `weir run <role...>` against Kafka, a ClickHouse server and Redis (docs/large-size.md).
# The ClickHouse engine for a lake in the process (chdb, 566 MB) is left out: with lake.url it is never loaded. Build a
# version with it, for `weir up` in a container: docker build --build-arg ENGINE=embedded .
ARG NODE_IMAGE=node:20.20.2-bookworm-slim

# Compiles.
FROM ${NODE_IMAGE} AS build
WORKDIR /src
COPY package.json package-lock.json ./
# Not `npm ci`: it refuses a lock file that lacks optional packages of other platforms. This obeys the lock, too.
# No install scripts: nothing here needs one, and they would run code of others while the image is built.
RUN npm install --no-save --ignore-scripts --no-audit --no-fund --loglevel=error
COPY . .
RUN node_modules/.bin/tsc -p tsconfig.json \
  && rm -rf dist/test dist/bench dist/scripts dist/.tsbuildinfo \
  && find dist \( -name '*.test.js' -o -name '*.test.js.map' -o -name '*-rig.js' -o -name '*-victim.js' \) -delete

# The packages that run, without those that develop.
FROM ${NODE_IMAGE} AS packages
ARG ENGINE=server
WORKDIR /opt/weir
COPY package.json package-lock.json ./
# package.json then says what is there, so that `weir doctor` finds it complete. tfjs-node (TensorFlow's C library, 400 MB)
# is an option for machines that train much; WASM does without.
RUN npm pkg delete devDependencies optionalDependencies scripts \
  && if [ "$ENGINE" = server ]; then npm pkg delete dependencies.chdb; fi \
  && npm install --omit=dev --ignore-scripts --no-audit --no-fund --loglevel=error \
  && rm -f package-lock.json node_modules/.package-lock.json \
  && find node_modules -type f \( -name '*.map' -o -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' \) -delete

FROM ${NODE_IMAGE}
LABEL org.opencontainers.image.title="Weir" \
  org.opencontainers.image.description="Event-driven security data lake: collect, store, detect, respond" \
  org.opencontainers.image.licenses="Apache-2.0"
ENV NODE_ENV=production PATH=/opt/weir/bin:$PATH
COPY --from=packages /opt/weir /opt/weir
COPY --from=build /src/dist /opt/weir/dist
COPY bin /opt/weir/bin
COPY cli/launch.mjs /opt/weir/cli/launch.mjs
COPY lake/migrations /opt/weir/lake/migrations
COPY ocsf/schema.json /opt/weir/ocsf/schema.json
COPY detectors/rules/builtin /opt/weir/detectors/rules/builtin
COPY responders/playbooks/builtin /opt/weir/responders/playbooks/builtin
COPY LICENSE weir.example.yaml weir.schema.json /opt/weir/
# The only folder that is written to; everything else may be read-only (docker run --read-only --tmpfs /tmp).
RUN mkdir -p /var/lib/weir /etc/weir && chown 10001:10001 /var/lib/weir && chmod 700 /var/lib/weir
USER 10001:10001
# weir.yaml in the working directory is read where no other is named.
WORKDIR /etc/weir
VOLUME /var/lib/weir
EXPOSE 8870 8871
# bin/weir replaces itself by node, which is process 1 and drains on SIGTERM (10 s at most).
STOPSIGNAL SIGTERM
ENTRYPOINT ["weir"]
CMD ["--help"]
