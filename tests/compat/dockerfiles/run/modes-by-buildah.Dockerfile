FROM base:1
COPY --chmod=751 cap /a
ARG TARGETARCH
ENV arch=$TARGETARCH
RUN id -u > /u && echo $arch > /arch
USER app
ENTRYPOINT ["/bin/sh"]
CMD x
#: judge buildah
