# Build: the dependencies in a layer of their own, so that a change of the sources does not build
# them again.
FROM rust:1-bookworm AS build
WORKDIR /build
COPY Cargo.toml Cargo.lock ./
COPY fuzz/Cargo.toml fuzz/
RUN mkdir src && echo 'fn main() {}' > src/main.rs && touch src/lib.rs \
    && cargo build --release --locked && rm -r src
COPY src src
COPY static static
# The placeholder above is newer than the sources' own times.
RUN touch src/main.rs src/lib.rs && cargo build --release --locked

FROM debian:bookworm-slim
RUN useradd --system --uid 10001 --no-create-home fanfare \
    && install -d -o fanfare -g fanfare /var/lib/fanfare
COPY --from=build /build/target/release/fanfare /usr/local/bin/fanfare
USER fanfare
# What returning clients have missed survives the container.
ENV FANFARE_HISTORY=file:///var/lib/fanfare/history.redb
VOLUME /var/lib/fanfare
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=3s --start-period=2s CMD ["fanfare", "health", "--live"]
# No shell in between: signals reach the process.
ENTRYPOINT ["fanfare"]
CMD ["serve"]
