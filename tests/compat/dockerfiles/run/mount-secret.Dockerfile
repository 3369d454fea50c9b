FROM base:1
RUN --mount=type=secret,id=s cat /run/secrets/s > /got && stat -c "%a %u %g" /run/secrets/s > /st
RUN --mount=type=secret,id=s,target=/x/y,mode=0444,uid=3,gid=4 stat -c "%a %u %g" /x/y > /st2
RUN --mount=type=secret,id=absent ls /run/secrets > /ls; true
#: judge buildkit
#: args --secret id=s,src={context}/ctx/secret
