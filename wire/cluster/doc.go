// Package cluster owns what a node knows about its cluster without asking
// anybody: the map of nodes, the configuration, the secret and the certificate
// authority made from it, and the directories in which all this lies.
package cluster
