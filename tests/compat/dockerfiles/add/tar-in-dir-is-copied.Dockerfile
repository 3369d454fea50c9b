FROM scratch
ADD tars /x/
