FROM configured:1
