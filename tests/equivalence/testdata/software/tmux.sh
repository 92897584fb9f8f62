# A terminal multiplexer driven by keys. Each prompt has a number, which is waited for.
d=$(mktemp -d)
export LC_ALL=C.UTF-8 TERM=screen
tm() { tmux -f /dev/null -S "$d/socket" "$@"; }
# until_shown waits for a line in a pane.
until_shown() {
	i=0
	until tm capture-pane -p -t "$1" | grep -qxF -e "$2"; do
		i=$((i + 1))
		[ $i -lt 600 ] || { echo "no $2 in $1:"; tm capture-pane -p -t "$1"; return; }
		sleep 0.05
	done
}
tm new-session -d -s main -x 60 -y 12 "n=0 PS1='\$((n = n + 1))> ' exec dash"
until_shown main '1>'
tm send-keys -t main 'echo $((6 * 7)); stty size' Enter
until_shown main '2>'
tm send-keys -t main 'cat' Enter 'typed' Enter C-d
until_shown main '3>'
tm send-keys -t main 'sleep 60' Enter
until [ "$(tm display -p -t main '#{pane_current_command}')" = sleep ]; do sleep 0.05; done
tm send-keys -t main C-c
until_shown main '4>'
tm send-keys -t main 'echo interrupted $?' Enter
until_shown main '5>'
tm capture-pane -p -t main
tm split-window -h -t main "n=0 PS1='\$((n = n + 1))% ' exec dash"
until_shown main.1 '1%'
tm send-keys -t main.1 'stty size; i=0; while [ $i -lt 200 ]; do echo line $i; i=$((i+1)); done' Enter
until_shown main.1 '2%'
tm list-panes -t main -F '#{pane_index} #{pane_width}x#{pane_height} #{pane_dead}'
tm resize-pane -t main.0 -x 20
tty=$(tm display -p -t main.1 '#{pane_tty}')
until [ "$(stty size <"$tty")" = '12 39' ]; do sleep 0.05; done
tm send-keys -t main.1 'stty size' Enter
until_shown main.1 '3%'
tm capture-pane -p -t main.1
tm new-window -t main 'echo short; exit 3'
tm send-keys -t main:0.1 'exit 4' Enter
until [ "$(tm list-panes -t main:0 2>/dev/null | wc -l)" = 1 ]; do sleep 0.05; done
tm send-keys -t main:0 C-d
until ! tm has-session -t main 2>/dev/null; do sleep 0.05; done
echo "over"
rm -r "$d"
