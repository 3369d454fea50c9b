FROM configured:1
LABEL base=replaced more=added
