# syntax=docker/dockerfile:1
# Check = skip=JSONArgsRecommended
# not a directive
# escape=`

ARG BASE=busybox VERSION
# base what everything is made of
FROM --platform=$BUILDPLATFORM ${BASE}:latest AS Base

RUN echo "shell  form" && \
    true \
# a comment between
	&& false
RUN ["/bin/echo", "exec form", "q\"uote\u00e9"]
RUN [ not json
run --mount=type=cache,target=/c,id=x,sharing=locked,mode=0700,uid=1,gid=2 --mount=type=bind,from=base,source=/a,target=/b,rw --network=none --security=sandbox --device=vendor.com/class=name,required make
RUN --mount=type=tmpfs,target=/t,size=64m --mount=type=secret,id=key,target=/k,required --mount=type=ssh --mount=type=secret,env=TOKEN,id=$ID --network=host true
RUN <<EOF
echo one $x
	echo two
EOF
RUN <<-'EOT' cat > /x
	tab
	EOT
RUN cat <<A 3<<"B C" > /out
a
A
b
B C
COPY a b\ c "d" /dir/
COPY --chown=1:2 --chmod=u+x --link --parents --exclude=*.o --exclude="a b" --from=0 ["x y", "z", "/d/"]
COPY <<one <<-"two" plain /h/
$1
one
	$2
	two
ADD --checksum=sha256:00 --keep-git-dir=true --unpack=false --link=false https://example.com/a.tar.gz /x
ADD --chmod=755 --exclude=b local /y
ENV A=1 B="two words" C=a\ b D='$A' E=
ENV LEGACY  a   value  "here"
LABEL x=y "quoted key"="v"
LABEL multi="a\
b"
ARG P
ARG Q=1 R="x y"
EXPOSE 80 443/tcp 1000-1002/udp $P
VOLUME /a /b
VOLUME ["/c d"]
USER app:grp
WORKDIR rel/path with space
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
CMD run this
CMD ["a", "b"]
CMD
ENTRYPOINT ["e"]
ENTRYPOINT exec e
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=1m30s --timeout=1.5h --start-period=0s --start-interval=5s --retries=0 CMD curl  -f x
HEALTHCHECK CMD ["true"]
HEALTHCHECK none
ONBUILD  COPY  . /app
ONBUILD RUN <<EOF
in the child
EOF
MAINTAINER  somebody  <s@example.com>

FROM scratch
COPY --from=base \

  /x /y
