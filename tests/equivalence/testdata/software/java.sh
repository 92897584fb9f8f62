# Compiles and runs Threads.java.
javac Threads.java; echo "javac $?"
rm -f -- *.class.tmp
java -Xmx300m Threads "$1"; echo "java $?"
java -XX:+UseSerialGC -Xmx200m Threads "$1"; echo "java $?"
