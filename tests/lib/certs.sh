# Certificates for tests, valid for two days.
#
#   certs_authority DIR             creates DIR with an authority: ca.pem, ca-key.pem
#   certs_issue DIR NAME [NAMES]    DIR/NAME.pem and NAME-key.pem, signed by it, for servers (subject alternative NAMES,
#                                   as in "DNS:localhost,IP:127.0.0.1") and for clients
# shellcheck shell=bash

certs_authority()
{
    mkdir -p "$1"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=Forge test authority" \
        -addext keyUsage=critical,keyCertSign,cRLSign -keyout "$1/ca-key.pem" -out "$1/ca.pem" 2>/dev/null
}

certs_issue()
{
    local dir=$1 name=$2 names=${3:-DNS:$2}
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$name" \
        -keyout "$dir/$name-key.pem" -out "$dir/$name.csr" 2>/dev/null
    openssl x509 -req -in "$dir/$name.csr" -CA "$dir/ca.pem" -CAkey "$dir/ca-key.pem" -CAcreateserial -days 2 \
        -extfile <(printf 'subjectAltName=%s\nextendedKeyUsage=serverAuth,clientAuth\n' "$names") \
        -out "$dir/$name.pem" 2>/dev/null
    rm "$dir/$name.csr"
}
