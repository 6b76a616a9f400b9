# Git repositories, and servers for them.
#
#   git_repo_new NAME [FOLDER]      creates a bare repository $GIT_ROOT/NAME.git with branch main, and commits FOLDER
#   git_repo_commit NAME FOLDER [MESSAGE]
#                                   adds a commit whose tree is exactly FOLDER; sets GIT_COMMIT
#   git_ssh_start                   serves them over ssh. Exports GIT_SSH_URL (add /NAME.git) and the SSHD_* of sshd.sh
#   git_https_start                 serves them over https, for reading and writing. Exports GIT_HTTPS_URL (add /NAME.git),
#                                   GIT_HTTPS_CA (the authority to trust), and three kinds of credentials: GIT_HTTPS_USER
#                                   with GIT_HTTPS_PASSWORD; x-access-token or oauth2 with GIT_HTTPS_TOKEN, as on GitHub
#                                   and GitLab; "Authorization: Bearer TOKEN"
#   git_https_stop                  stops it (for ssh: sshd_stop)
#
# Fetching a single commit by its id is allowed, as on the usual hosting services.
# shellcheck shell=bash

. "${BASH_SOURCE[0]%/*}/service.sh"
. "${BASH_SOURCE[0]%/*}/certs.sh"
. "${BASH_SOURCE[0]%/*}/sshd.sh"

git_root()
{
    service_init
    [ -n "${GIT_ROOT:-}" ] || GIT_ROOT=$(mktemp -d "$SERVICE_DIR/gXXXX")
    export GIT_ROOT
}

git_repo_new()
{
    git_root
    git init -q --bare -b main "$GIT_ROOT/$1.git"
    git -C "$GIT_ROOT/$1.git" config uploadpack.allowAnySHA1InWant true
    [ $# -lt 2 ] || git_repo_commit "$1" "$2"
}

git_repo_commit()
{
    local repo=$GIT_ROOT/$1.git
    git --git-dir "$repo" --work-tree "$2" add -A .
    git --git-dir "$repo" --work-tree "$2" -c user.name=Test -c user.email=test@example.invalid \
        commit -q --allow-empty -m "${3:-change}"
    GIT_COMMIT=$(git --git-dir "$repo" rev-parse HEAD)
    export GIT_COMMIT
}

git_ssh_start()
{
    git_root
    sshd_start || return 1
    export GIT_SSH_URL=ssh://$SSHD_USER@127.0.0.1:$SSHD_PORT$GIT_ROOT
}

git_https_start()
{
    local dir port
    git_root
    service_need nginx "contrib/deps test installs it"
    service_need fcgiwrap "contrib/deps test installs it"
    dir=$(mktemp -d "$SERVICE_DIR/hXXXX")
    port=$(free_port)
    GIT_HTTPS_URL=https://localhost:$port
    GIT_HTTPS_CA=$dir/ca.pem
    GIT_HTTPS_USER=forge
    GIT_HTTPS_PASSWORD=git-password
    GIT_HTTPS_TOKEN=git-token
    certs_authority "$dir"
    certs_issue "$dir" server "DNS:localhost,IP:127.0.0.1"
    git_https_config "$dir" "$port" >"$dir/nginx.conf"
    # A single process: forked ones would outlive it.
    service_start fcgiwrap 10 "test -S $dir/cgi" -- fcgiwrap -f -s "unix:$dir/cgi" || return 1
    git_https_pids=$service_pid
    service_start nginx 10 git_https_answers -- nginx -p "$dir" -e stderr -c "$dir/nginx.conf" || return 1
    git_https_pids="$service_pid $git_https_pids"
    export GIT_HTTPS_URL GIT_HTTPS_CA GIT_HTTPS_USER GIT_HTTPS_PASSWORD GIT_HTTPS_TOKEN
}

git_https_stop()
{
    local pid
    for pid in $git_https_pids; do
        service_stop "$pid"
    done
}

git_https_answers()
{
    curl -s --cacert "$GIT_HTTPS_CA" "$GIT_HTTPS_URL"
}

# The Authorization header for a user name and a password.
git_https_basic()
{
    printf '"Basic %s"' "$(printf '%s:%s' "$1" "$2" | base64)"
}

git_https_config()
{
    cat <<-EOF
	daemon off;
	pid $1/pid;
	user $(id -un) $(id -gn);
	worker_processes 1;
	events { worker_connections 256; }
	http {
	    access_log off;
	    client_body_temp_path $1/body;
	    fastcgi_temp_path $1/fastcgi;
	    proxy_temp_path $1/proxy;
	    scgi_temp_path $1/scgi;
	    uwsgi_temp_path $1/uwsgi;
	    map \$http_authorization \$known {
	        default 0;
	        $(git_https_basic "$GIT_HTTPS_USER" "$GIT_HTTPS_PASSWORD") 1;
	        $(git_https_basic x-access-token "$GIT_HTTPS_TOKEN") 1;
	        $(git_https_basic oauth2 "$GIT_HTTPS_TOKEN") 1;
	        "Bearer $GIT_HTTPS_TOKEN" 1;
	    }
	    server {
	        listen 127.0.0.1:$2 ssl;
	        ssl_certificate $1/server.pem;
	        ssl_certificate_key $1/server-key.pem;
	        client_max_body_size 0;
	        location / {
	            if (\$known = 0) {
	                add_header WWW-Authenticate 'Basic realm="git"' always;
	                return 401;
	            }
	            fastcgi_pass unix:$1/cgi;
	            fastcgi_param SCRIPT_FILENAME $(git --exec-path)/git-http-backend;
	            fastcgi_param GIT_PROJECT_ROOT $GIT_ROOT;
	            fastcgi_param GIT_HTTP_EXPORT_ALL 1;
	            fastcgi_param GIT_PROTOCOL \$http_git_protocol;
	            fastcgi_param PATH_INFO \$uri;
	            fastcgi_param QUERY_STRING \$query_string;
	            fastcgi_param REQUEST_METHOD \$request_method;
	            fastcgi_param CONTENT_TYPE \$content_type;
	            fastcgi_param CONTENT_LENGTH \$content_length;
	            fastcgi_param REMOTE_USER \$remote_user;
	        }
	    }
	}
	EOF
}
