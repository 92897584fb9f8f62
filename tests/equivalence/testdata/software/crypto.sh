# openssl: digests, ciphers, keys and signatures.
seq "$1" >text
for digest in md5 sha1 sha256 sha3-256 blake2b512; do openssl dgst -$digest text; done
openssl enc -aes-256-ctr -pbkdf2 -nosalt -pass pass:word -in text -out text.enc && openssl dgst -sha256 text.enc
openssl enc -d -aes-256-ctr -pbkdf2 -nosalt -pass pass:word -in text.enc | cmp - text && echo decrypted
export WORD=secret
for cipher in aes-128-cbc chacha20 camellia-256-cbc; do
	openssl enc -$cipher -pbkdf2 -iter 1000 -pass env:WORD -in text | openssl enc -d -$cipher -pbkdf2 -iter 1000 -pass env:WORD | cmp - text && echo $cipher
done
openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out key.pem 2>/dev/null && openssl pkey -in key.pem -pubout -out public.pem
openssl dgst -sha256 -sign key.pem -out signature text && openssl dgst -sha256 -verify public.pem -signature signature text
echo changed >>text; openssl dgst -sha256 -verify public.pem -signature signature text 2>/dev/null; echo "changed $?"
openssl ecparam -genkey -name prime256v1 -noout -out ec.pem && openssl req -x509 -new -key ec.pem -subj /CN=test -days 2 -out cert.pem
openssl verify -CAfile cert.pem cert.pem; openssl x509 -in cert.pem -noout -subject
openssl genpkey -algorithm ed25519 -out ed.pem && openssl pkeyutl -sign -inkey ed.pem -rawin -in public.pem -out signature && openssl pkeyutl -verify -inkey ed.pem -rawin -in public.pem -sigfile signature
openssl rand -hex 20 | wc -c; openssl prime 1000003; echo 'text' | openssl base64 | openssl base64 -d
: >server
openssl s_server -accept 127.0.0.1:0 -cert cert.pem -key ec.pem -rev >server 2>&1 & server=$!
until grep -q '^ACCEPT .' server; do sleep 0.05; done
for word in one two; do printf '%s\nCLOSE\n' $word | openssl s_client -quiet -verify_quiet -CAfile cert.pem -connect "$(sed -n 's/^ACCEPT //p' server | head -n 1)" 2>/dev/null; echo "client $?"; done
kill -9 $server; wait $server 2>/dev/null; echo "server $?"
rm -f text text.enc key.pem public.pem signature ec.pem cert.pem ed.pem server
