# cmake -DIN=file -DOUT=file -P EmbedBytes.cmake: the bytes of IN as C numbers.
file(READ ${IN} hex HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," numbers "${hex}")
file(WRITE ${OUT} "${numbers}\n")
